//! The files in which networks are kept, and what the command line says about them.

use std::path::{Path, PathBuf};

use clap::{ArgGroup, Args};

use crate::engine::exact::{self, Connectivity, Input, Reader, RowOrder, States, Table, UnitName};
use crate::error::Error;
use crate::files::append::len_of_file;
use crate::files::input;

/// The source of networks, and the rules by which they are read.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("source").required(true).args(["file", "network", "tpm"]))]
pub struct NetworkArgs {
    /// File with a network, a list of networks, or one in each line: JSON (own form, PyPhi 1 and 2,
    /// web calculator), or YAML if its name ends in .yaml; - for standard input
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// The same with a name
    #[arg(long, value_name = "FILE")]
    network: Option<PathBuf>,
    /// Instead, a TPM alone: numbers in lines (CSV) or an array of numpy (.npy), state-by-node or
    /// state-by-state
    #[arg(long, value_name = "FILE")]
    tpm: Option<PathBuf>,
    /// Connections: a file (CSV or .npy, row = sender), full (as PyPhi without one), or inferred
    /// (where an input makes a difference in the TPM) [default: the network's own; without any,
    /// inferred]
    #[arg(long, value_name = "FILE|full|inferred")]
    cm: Option<String>,
    /// State instead of that in the file: a value for each unit, unit 0 first (1,0,0), or its name
    /// (high,off,on); or all, or reachable
    #[arg(long, value_name = "STATE|all|reachable")]
    state: Option<String>,
    /// Units instead of those in the file, by number or label: A,C
    #[arg(long, value_name = "UNIT,UNIT")]
    nodes: Option<String>,
    /// Rows of the TPM are numbered with the last unit as the lowest bit [default: the first,
    /// little-endian]
    #[arg(long)]
    big_endian: bool,
    /// A dependence in the TPM that the connections deny is averaged over, instead of being an
    /// error
    #[arg(long)]
    force_cm: bool,
    /// Units of a state-by-state TPM that depend on each other are taken by their own probabilities
    #[arg(long)]
    project: bool,
    /// Nothing is guessed, rounded or passed over: what would be a note is an error
    #[arg(long)]
    strict: bool,
}

impl NetworkArgs {
    /// The networks, and what their file is called in errors.
    ///
    /// # Errors
    /// [`Error::Read`], [`Error::Network`] if the file is in none of the forms,
    /// [`Error::Settings`].
    pub fn read(&self) -> Result<(String, Input), Error> {
        read(self.path(), &self.reader()?, self.tpm.is_some())
    }

    /// The same for questions about transitions, which need no state.
    ///
    /// # Errors
    /// As [`read`](NetworkArgs::read).
    pub fn read_transitions(&self) -> Result<(String, Input), Error> {
        if self.state.is_some() {
            return Err(Error::Settings(
                "--state with a transition: expected --before and --after".to_owned(),
            ));
        }
        let reader = Reader { default_states: Some(States::All), ..self.reader()? };
        read(self.path(), &reader, self.tpm.is_some())
    }

    /// The name of the file without its ending, for the names of drawings.
    pub fn stem(&self) -> String {
        match self.path().file_stem() {
            Some(stem) if stem != "-" => stem.to_string_lossy().into_owned(),
            _ => "network".to_owned(),
        }
    }

    /// Checks that a file may be written from what was read: it is none of the files that were.
    ///
    /// # Errors
    /// [`Error::Output`] if it is one, or something else than a file.
    pub(crate) fn check_output(&self, path: &Path) -> Result<(), Error> {
        len_of_file(path)?;
        let read = [Some(self.path()), self.cm.as_deref().map(Path::new)];
        input::check_not_read(path, read.into_iter().flatten())
    }

    fn path(&self) -> &Path {
        let named = [&self.tpm, &self.file, &self.network].into_iter().flatten().next();
        named.expect("the command line requires one of them")
    }

    fn reader(&self) -> Result<Reader, Error> {
        let connectivity = match self.cm.as_deref() {
            None => Connectivity::File,
            Some("full") => Connectivity::Full,
            Some("inferred") => Connectivity::Inferred,
            Some(path) => Connectivity::Rows(matrix(Path::new(path))?),
        };
        let states = match self.state.as_deref().map(str::trim) {
            Some("all") => Some(States::All),
            Some("reachable") => Some(States::Reachable),
            _ => None,
        };
        let state = self.state.clone().filter(|_| states.is_none());
        Ok(Reader {
            strict: self.strict,
            row_order: self.big_endian.then_some(RowOrder::LastUnitFastest),
            connectivity,
            force_cm: self.force_cm,
            project: self.project,
            default_states: None,
            states,
            state,
            nodes: self.nodes.as_deref().map(UnitName::parse_list),
        })
    }
}

/// The networks in a file, and what it is called in errors. It is a table if it `is_table`, or its
/// name says so.
///
/// # Errors
/// [`Error::Read`], [`Error::Network`] if the file is in none of the forms.
pub fn read(path: &Path, reader: &Reader, is_table: bool) -> Result<(String, Input), Error> {
    if is_table || has_extension(path, &["csv", "tsv", "npy"]) {
        let (place, tpm) = table(path)?;
        return Ok((place, reader.table(tpm)));
    }
    let (place, text) = text(path)?;
    let is_yaml = has_extension(path, &["yaml", "yml"]);
    let read = if is_yaml { reader.yaml(&text) } else { reader.json(&text) };
    let input = read.map_err(|error| wrong(&place, &error))?;
    Ok((place, input))
}

pub(crate) fn wrong(place: &str, error: &exact::InputError) -> Error {
    Error::Network { place: place.to_owned(), message: error.to_string() }
}

fn has_extension(path: &Path, of: &[&str]) -> bool {
    path.extension().is_some_and(|it| of.iter().any(|known| it.eq_ignore_ascii_case(known)))
}

/// The content of a file, or of standard input for `-`, and what it is called in errors.
pub(crate) fn text(path: &Path) -> Result<(String, String), Error> {
    if path.as_os_str() == "-" {
        return Ok(("standard input".to_owned(), input::standard_input(input::NETWORKS)?));
    }
    Ok((path.display().to_string(), input::text(path, input::NETWORKS)?))
}

fn table(path: &Path) -> Result<(String, Table), Error> {
    if has_extension(path, &["npy"]) {
        let place = path.display().to_string();
        let bytes = input::bytes(path, input::NETWORKS)?;
        let table = Table::npy(&bytes).map_err(|error| wrong(&place, &error))?;
        return Ok((place, table));
    }
    let (place, text) = text(path)?;
    let table = Table::csv(&text).map_err(|error| wrong(&place, &error))?;
    Ok((place, table))
}

fn matrix(path: &Path) -> Result<Vec<Vec<u8>>, Error> {
    let place = path.display().to_string();
    let matrix = match has_extension(path, &["npy"]) {
        true => Table::npy_matrix(&input::bytes(path, input::NETWORKS)?),
        false => Table::csv(&text(path)?.1).and_then(|it| it.matrix()),
    };
    matrix.map_err(|error| wrong(&place, &error))
}
