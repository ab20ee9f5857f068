//! Figures in files, SVG or PNG by the end of the name.

use std::io;
use std::path::Path;

use super::Figure;
use crate::base::atomic_file;
use crate::base::atomic_file::Destination;

/// A format of pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FigureFormat {
    /// Lines and text, at any size.
    Svg,
    /// Pixels.
    Png,
}

impl FigureFormat {
    /// By the end of a file's name.
    pub fn from_path(path: &Path) -> Option<FigureFormat> {
        let extension = path.extension()?.to_str()?;
        [("svg", FigureFormat::Svg), ("png", FigureFormat::Png)]
            .into_iter()
            .find(|(name, _)| extension.eq_ignore_ascii_case(name))
            .map(|(_, format)| format)
    }
}

impl Figure {
    /// Writes a file that appears whole.
    ///
    /// # Errors
    /// Where the name ends otherwise, or it cannot be written.
    pub fn save(&self, to: Destination) -> io::Result<()> {
        let Some(format) = FigureFormat::from_path(to.path()) else {
            return Err(io::Error::other("a name that ends with .svg or .png is needed"));
        };
        let bytes = match format {
            FigureFormat::Svg => self.svg().into_bytes(),
            FigureFormat::Png => self.png().map_err(io::Error::other)?,
        };
        atomic_file::write(to, &bytes, None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::figure::{LineColumn, LinesFigure, TrainingLine, lines};

    #[test]
    fn a_figure_is_written_once_and_by_its_name() {
        let home = tempfile::tempdir().unwrap();
        let series = vec![("agency".to_owned(), vec![(1.0, 9.0), (2.0, 4.0)])];
        let line = TrainingLine { name: "a training".to_owned(), family: String::new(), series };
        let columns = vec![LineColumn { title: "data".to_owned(), lines: vec![line] }];
        let figure = lines(&LinesFigure { title: "Medians".to_owned(), columns, ..LinesFigure::default() });
        let (svg, png) = (home.path().join("a.svg"), home.path().join("a.PNG"));
        let save = |path: &Path, replace| Destination::of(path, replace).and_then(|to| figure.save(to));
        save(&svg, false).unwrap();
        assert!(std::fs::read_to_string(&svg).unwrap().contains("a training"));
        assert_eq!(save(&svg, false).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        save(&svg, true).unwrap();
        save(&png, false).unwrap();
        assert!(std::fs::read(&png).unwrap().starts_with(b"\x89PNG"));
        assert!(save(&home.path().join("a.gif"), false).is_err());
        assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 2, "nothing else is left");
    }
}
