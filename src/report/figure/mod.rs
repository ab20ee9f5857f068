//! Figures of what the statistics say: pure functions from numbers to a picture, as SVG text or as the bytes of a PNG.
//!
//! The same input gives the same bytes. A family is told by colour and by marker (Okabe and Ito's palette, which those who
//! see fewer colours can tell apart); n and the name of every test stand in the caption. Knows no model and no screen; only
//! `file` writes.

mod agreement;
mod canvas;
mod card;
mod file;
mod lines;
mod lollipop;
mod moved;
mod pairs;
mod panels;
mod quantities;
mod scale;

pub use agreement::{AgreementFigure, agreement};
pub use canvas::Figure;
pub use card::{CardAxis, CardFigure, CardLine, CardList, CardSubject, card};
pub use file::FigureFormat;
pub use lines::{LineColumn, LinesFigure, TrainingLine, lines};
pub use lollipop::{Lollipop, LollipopFigure, lollipops};
pub use moved::{MovedFigure, moved};
pub use pairs::{PairRow, PairsFigure, pairs};
pub use panels::{PanelsFigure, panels};
pub use quantities::{QuantitiesFigure, QuantityLine, quantities};
pub use scale::rounded_up;

/// Why a figure could not be drawn.
#[derive(Debug, thiserror::Error)]
pub enum FigureError {
    /// The picture could not be turned into pixels.
    #[error("the picture could not be drawn: {0}; write it as SVG instead")]
    Raster(String),
}
