//! Lines on a terminal that are drawn again in place.
//!
//! Every line ends with a newline, so the cursor waits below them at the left edge: what the
//! terminal itself writes there, as the `^C` of an interruption, is cleared with them. A drawing is
//! one write.

use std::io;

use console::{Style, Term};

use crate::ui::live::{StyledLine, Tone};

/// The lines drawn on standard error.
#[derive(Debug)]
pub(crate) struct Screen {
    terminal: Term,
    /// The lengths of the lines that stand there.
    lengths: Vec<usize>,
}

impl Screen {
    pub(crate) fn new() -> Screen {
        Screen { terminal: Term::buffered_stderr(), lengths: Vec::new() }
    }

    /// The columns and the lines that there are.
    pub(crate) fn size(&self) -> (usize, usize) {
        let (height, width) = self.terminal.size();
        (width.into(), height.into())
    }

    /// Draws these lines instead of those before. A terminal that cannot be written to is left
    /// alone.
    pub(crate) fn show(&mut self, lines: &[StyledLine]) {
        let _ = self.replace(&[], lines);
    }

    /// Writes a line that stays, above those that are drawn next.
    pub(crate) fn say(&mut self, message: &str) {
        let _ = self.replace(&[message], &[]);
    }

    fn replace(&mut self, said: &[&str], lines: &[StyledLine]) -> io::Result<()> {
        let (width, _) = self.size();
        // A line that was drawn on a wider terminal takes several now.
        let height = |length: usize| length.max(1).div_ceil(width.max(1));
        let n_lines = self.lengths.drain(..).map(height).sum();
        if n_lines > 0 {
            self.terminal.clear_line()?;
            self.terminal.clear_last_lines(n_lines)?;
        }
        for message in said {
            self.terminal.write_line(message)?;
        }
        for line in lines {
            self.terminal.write_line(&paint(line))?;
            self.lengths.push(line.text.chars().count());
        }
        self.terminal.flush()
    }
}

/// A line in its tone, where standard error has colours.
fn paint(line: &StyledLine) -> String {
    let style = Style::new().for_stderr();
    let style = match line.tone {
        Tone::Strong => style.cyan(),
        Tone::Plain => return line.text.clone(),
        Tone::Faint => style.dim(),
    };
    style.apply_to(&line.text).to_string()
}
