//! How each view is drawn: a module a view, of the same name as in `app::views`.

mod ablation;
mod card;
mod compare;
mod implicit;
mod models;
mod statistics;
mod words;

use ratatui::Frame;
use ratatui::layout::Rect;

use super::corner::Corner;
use super::provenance::Provenance;
use super::theme::Theme;
use crate::app::{App, View};

/// What a view draws of the screen.
pub trait Screen {
    /// Everything between the header and the lines at the bottom.
    fn body(&self, frame: &mut Frame, area: Rect, app: &App, theme: &Theme);

    /// The second line of the screen: the prompt, or what else the numbers depend on.
    fn heading(&self, frame: &mut Frame, area: Rect, app: &App, theme: &Theme);

    /// The right end of the first line.
    fn corner<'a>(&self, app: &'a App) -> Corner<'a>;

    /// The line that says where the numbers come from, or what they are.
    fn provenance<'a>(&self, app: &'a App) -> Provenance<'a>;
}

/// How a view is drawn.
pub fn screen(view: View) -> &'static dyn Screen {
    match view {
        View::Words => &words::WordsScreen,
        View::Compare => &compare::CompareScreen,
        View::Statistics => &statistics::StatisticsScreen,
        View::Models => &models::ModelsScreen,
        View::Card => &card::CardScreen,
        View::Implicit => &implicit::ImplicitScreen,
        View::Ablation => &ablation::AblationScreen,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::Startup;

    #[test]
    fn definitions_fit_their_screens() {
        let app = App::new(Startup::default()).0;
        for view in View::ALL {
            if let Provenance::Definition(texts) = screen(view).provenance(&app) {
                assert!(texts.iter().zip([118, 78, 58]).all(|(text, room)| text.len() <= room && text.is_ascii()), "{texts:?}");
            }
        }
    }
}
