//! The first line: a tab for each view, and at the right end what the view says of its models.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::corner::Corner;
use super::line_with_end;
use super::theme::Theme;
use crate::app::{App, Key, View};

/// From this width on, the program says its own name; below, the model's matters more.
const NAMED: u16 = 140;

/// How much the tabs say, and how far apart they are.
#[derive(Clone, Copy, PartialEq)]
enum Tabs {
    /// With the program's name.
    Whole,
    /// Two spaces apart.
    Wide,
    /// A space apart.
    Close,
    /// A space apart, and none between key and name.
    Tight,
    /// Of the last ones the keys alone.
    Keys,
}

/// The tab on the screen is marked on its own cells, with a space on either side of the mark.
fn tab_line(how: Tabs, app: &App, theme: &Theme) -> Line<'static> {
    let mut left = vec![Span::raw(" ")];
    if how == Tabs::Whole {
        left.push(Span::styled("rewardscope", theme.title));
        left.push(Span::raw("  "));
    }
    let padded = matches!(how, Tabs::Whole | Tabs::Wide);
    for view in View::ALL {
        let info = view.info();
        let name = match how {
            Tabs::Whole => Some(info.title),
            Tabs::Keys if view != app.view => info.short_title,
            Tabs::Wide | Tabs::Close | Tabs::Tight | Tabs::Keys => info.short_title.or(Some(info.title)),
        };
        let key = info.keys.first().map(Key::to_string).unwrap_or_default();
        let space = if matches!(how, Tabs::Tight | Tabs::Keys) { "" } else { " " };
        let text = name.map_or(key.clone(), |name| format!("{key}{space}{name}"));
        let style = if view == app.view { theme.tab_active } else { theme.tab_inactive };
        left.push(Span::styled(if padded { format!(" {text} ") } else { text }, style));
        if !padded {
            left.push(Span::raw(" "));
        }
    }
    Line::from(left)
}

/// Draws the tabs as wide as there is room for beside the corner.
pub fn draw(frame: &mut Frame, area: Rect, app: &App, corner: &Corner, theme: &Theme) {
    let wide = usize::from(area.width);
    let fits =
        |how: &Tabs| (*how != Tabs::Whole || area.width >= NAMED) && tab_line(*how, app, theme).width() + corner.wanted() <= wide;
    let how = [Tabs::Whole, Tabs::Wide, Tabs::Close, Tabs::Tight].into_iter().find(fits).unwrap_or(Tabs::Keys);
    let left = tab_line(how, app, theme);
    let room = wide.saturating_sub(left.width() + 1);
    line_with_end(frame, area, left, corner.line(room, theme));
}
