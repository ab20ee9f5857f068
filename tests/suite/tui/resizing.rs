//! A frame may have another size than the one that the explorer has heard of: a terminal that jumps between two sizes takes
//! the newer one before its message comes.

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use rewardscope::app::{Level, Message, Startup};
use rewardscope::base::terms::{Family, ModelId};
use rewardscope::engine::{Event, Phase};
use rewardscope::ui;
use rewardscope::ui::theme::Theme;

use super::driver::*;
use super::values::{ablation, language_models};

/// Widths and heights at and around those where the layout changes.
const WIDTHS: [u16; 8] = [1, 9, 60, 75, 80, 120, 160, 300];
const HEIGHTS: [u16; 7] = [1, 5, 16, 17, 24, 31, 100];
const KNOWN: [(u16, u16); 3] = [(1, 1), (80, 24), (288, 60)];

/// What can fill the screen, each with the keys that lead there.
const SCREENS: [&str; 23] = [
    "1G",
    "1/lo",
    "1i",
    "1w",
    "1e",
    "1m",
    "1p",
    "1f",
    "1c",
    "1:",
    "1t",
    "1?G",
    "2G",
    "3",
    "3G",
    "3<Enter>G",
    "3<Tab>G",
    "3<Tab><Tab>G",
    "3<Tab><Tab><Tab>G",
    "4G",
    "5G",
    "6",
    "7",
];

type Make = fn() -> Driver;

/// Sessions, each with what it can show.
fn screens() -> [(Make, Vec<&'static str>); 4] {
    let language: Make = || language_models(SIZE);
    let trainings: Make = || ablation(SIZE);
    let of_trainings = vec!["7", "7<Tab>G", "7<Tab><Tab>G"];
    [(pair, SCREENS.to_vec()), (many, SCREENS.to_vec()), (language, vec!["6", "6G"]), (trainings, of_trainings)]
}

fn draw(driver: &Driver, (columns, rows): (u16, u16)) -> String {
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
    terminal.draw(|frame| ui::draw(frame, &driver.app, &Theme::default())).unwrap();
    text(terminal.backend().buffer())
}

/// The pair under all prompts.
fn pair() -> Driver {
    let mut driver = Driver::scored_pair(SIZE);
    driver.keys("a<Esc>");
    driver.score_plan();
    driver.send(Message::Models(catalogue()));
    driver.send(Message::Corpora(corpora()));
    driver
}

/// Seven models of as many families, one of which cannot be opened.
fn many() -> Driver {
    let names = ["a-gemma", "b-gemma", "c-llama", "d-llama", "e-other", "f-other", "g-broken"];
    let models = names.iter().map(|name| recorded_spec(name)).collect();
    let mut driver = Driver::new(Startup { models, ..startup(SIZE) });
    let words = [&AGENCY[..], &COMMUNION[..]].concat();
    for (id, name) in (0..6).map(ModelId).zip(names) {
        driver.engine(Event::Ready { model: id, info: recorded_info(Family::guess(name), "scores.csv") });
        driver.engine(Event::Recorded { model: id, recorded: Box::new(recorded(id, &words)) });
    }
    driver.phase(ModelId(6), Phase::Failed("g-broken: no head. ".repeat(20)));
    driver.send(Message::Notify(Level::Error, "something is wrong with a file. ".repeat(30)));
    driver
}

#[test]
fn every_screen_is_drawn_by_the_size_of_its_frame_whatever_size_is_known() {
    for (make, screens) in screens() {
        for keys in screens {
            let mut driver = make();
            driver.keys(keys);
            for known in KNOWN {
                driver.send(Message::Resize(known.0, known.1));
                for (columns, rows) in WIDTHS.iter().flat_map(|&columns| HEIGHTS.map(|rows| (columns, rows))) {
                    let drawn = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| draw(&driver, (columns, rows))));
                    assert!(drawn.is_ok(), "keys {keys}, known {known:?}, frame {columns}x{rows}");
                }
            }
        }
    }
}

#[test]
fn what_is_drawn_does_not_depend_on_the_size_that_is_known() {
    for (make, screens) in screens() {
        for keys in screens {
            let mut driver = make();
            driver.keys(keys);
            for frame in [(60, 16), (80, 24), (120, 17), (288, 60)] {
                driver.send(Message::Resize(frame.0, frame.1));
                let expected = draw(&driver, frame);
                for known in KNOWN {
                    // No message: the histograms stay as they were counted.
                    driver.app.size = known;
                    assert_eq!(draw(&driver, frame), expected, "keys {keys}, known {known:?}, frame {frame:?}");
                }
            }
        }
    }
}
