//! When something costly is computed anew: one request at a time, and rests between that grow with the work, so that it takes
//! no more than a share of a core from scoring.

use std::time::Duration;

/// Rest between two computations, as a multiple of how long the last one took.
const REST: u32 = 4;

/// Times are those of [`App::update`](super::App::update).
#[derive(Debug)]
pub(super) struct Pacer {
    /// Something happened that the newest request does not know of.
    changed: bool,
    in_flight: bool,
    asked: Duration,
    due: Option<Duration>,
    rest_until: Duration,
    generation: u64,
}

/// Nothing has been computed yet.
impl Default for Pacer {
    fn default() -> Self {
        Pacer { changed: true, in_flight: false, asked: Duration::ZERO, due: None, rest_until: Duration::ZERO, generation: 0 }
    }
}

impl Pacer {
    /// What it is computed from is other than before.
    pub(super) fn change(&mut self) {
        self.changed = true;
    }

    /// The generation of the request that is to be made now, if one is; where it must rest first, [`due`](Self::due) says
    /// until when.
    pub(super) fn ask(&mut self, now: Duration) -> Option<u64> {
        if !self.changed || self.in_flight {
            return None;
        }
        if now < self.rest_until {
            self.due = Some(self.rest_until);
            return None;
        }
        Some(self.ask_at_once(now))
    }

    /// The generation of a request that the user waits for: it is made now, and replaces one that is on its way.
    pub(super) fn ask_at_once(&mut self, now: Duration) -> u64 {
        self.generation += 1;
        (self.in_flight, self.changed, self.due, self.asked) = (true, false, None, now);
        self.generation
    }

    /// Takes note of an answer, after which comes a rest of at least `shortest_rest`.
    pub(super) fn answered(&mut self, generation: u64, now: Duration, shortest_rest: Duration) {
        if generation == self.generation {
            self.in_flight = false;
            self.due = None;
            self.rest_until = now + (now.saturating_sub(self.asked) * REST).max(shortest_rest);
        }
    }

    /// Whether the newest answer knows of all that happened.
    pub(super) fn is_current(&self) -> bool {
        !self.changed && !self.in_flight
    }

    /// When the next request may be made, where one waits.
    pub(super) fn due(&self) -> Option<Duration> {
        self.due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_request_at_a_time_and_rests_that_grow_with_the_work() {
        let at = Duration::from_millis;
        let mut pacer = Pacer::default();
        assert_eq!(pacer.ask(at(0)), Some(1));
        pacer.change();
        assert_eq!(pacer.ask(at(10)), None, "one is on its way");
        pacer.answered(1, at(100), at(200));
        assert!(!pacer.is_current(), "the answer does not know of the change");
        assert_eq!((pacer.ask(at(110)), pacer.due()), (None, Some(at(500))), "it took 100 ms");
        assert_eq!((pacer.ask(at(500)), pacer.due()), (Some(2), None));
        assert!(!pacer.is_current(), "asked, not answered");
        pacer.answered(2, at(501), at(200));
        assert!(pacer.is_current());
        assert_eq!(pacer.ask(at(900)), None, "nothing has changed");
        pacer.change();
        assert_eq!(pacer.ask(at(600)), None, "the shortest rest");
        assert_eq!(pacer.ask(at(701)), Some(3));
    }

    #[test]
    fn what_the_user_waits_for_is_asked_at_once_and_the_answer_before_it_ends_nothing() {
        let at = Duration::from_millis;
        let mut pacer = Pacer::default();
        assert_eq!((pacer.ask_at_once(at(0)), pacer.ask_at_once(at(1))), (1, 2));
        pacer.change();
        pacer.answered(1, at(2), at(0));
        assert_eq!(pacer.ask(at(50)), None, "the second is on its way");
        pacer.answered(2, at(51), at(0));
        assert_eq!((pacer.ask(at(52)), pacer.due()), (None, Some(at(251))));
    }
}
