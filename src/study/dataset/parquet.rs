//! A data set as Apache Parquet, for programs that read single columns of it.
//!
//! A Parquet file ends with what tells where its columns are, so one that a crash cut short cannot
//! be read. Therefore the rows are computed as lines, and the file is made of the finished lines.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::sync::Arc;

use parquet::basic::{Compression, ConvertedType, LogicalType, Repetition, Type as Physical};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::writer::{
    SerializedColumnWriter, SerializedFileWriter, SerializedRowGroupWriter,
};
use parquet::schema::types::{Type, TypePtr};
use serde_json::{Map, Value};

use super::Dataset;
use crate::engine::exact::Engine;
use crate::error::Error;
use crate::files::append::{len_of_file, write_whole};
use crate::run::journal::IfExists;

/// The rows of a row group, and the bytes of their lines, at most.
const GROUP: usize = 1 << 14;
const GROUP_BYTES: usize = 64 << 20;
/// The key of the metadata by which a file of this program is known.
const KEY: &str = Dataset::SCHEMA;

/// The kind of a column's values. Each of them may be missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Flags,
    /// Whole numbers, none of them negative.
    Counts,
    Numbers,
    Texts,
    /// Lists of [`Kind::Counts`], those of lists one after another.
    ListsOfCounts,
    /// Lists of [`Kind::Numbers`].
    ListsOfNumbers,
}

impl Kind {
    /// `None` for a value that is missing; [`Kind::Texts`] is also all that is nothing else.
    fn of(value: &Value) -> Option<Kind> {
        match value {
            Value::Null => None,
            Value::Bool(_) => Some(Kind::Flags),
            Value::Number(it) if it.is_u64() => Some(Kind::Counts),
            Value::Number(_) => Some(Kind::Numbers),
            Value::String(_) | Value::Object(_) => Some(Kind::Texts),
            Value::Array(items) => {
                let items = items.iter().map(|it| match Kind::of(it) {
                    Some(Kind::Counts | Kind::ListsOfCounts) => Kind::ListsOfCounts,
                    Some(Kind::Numbers | Kind::ListsOfNumbers) => Kind::ListsOfNumbers,
                    _ => Kind::Texts,
                });
                Some(items.reduce(Kind::with).unwrap_or(Kind::ListsOfCounts))
            }
        }
    }

    /// Returns the kind that holds values of both.
    fn with(self, other: Kind) -> Kind {
        match (self, other) {
            (a, b) if a == b => a,
            (Kind::Counts, Kind::Numbers) | (Kind::Numbers, Kind::Counts) => Kind::Numbers,
            (Kind::ListsOfCounts, Kind::ListsOfNumbers)
            | (Kind::ListsOfNumbers, Kind::ListsOfCounts) => Kind::ListsOfNumbers,
            _ => Kind::Texts,
        }
    }

    fn column(self, name: &str) -> Result<TypePtr, ParquetError> {
        let (physical, logical) = match self {
            Kind::Flags => (Physical::BOOLEAN, None),
            Kind::Counts | Kind::ListsOfCounts => {
                let unsigned = LogicalType::integer(64, false);
                (Physical::INT64, Some(unsigned))
            }
            Kind::Numbers | Kind::ListsOfNumbers => (Physical::DOUBLE, None),
            Kind::Texts => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
        };
        let is_list = matches!(self, Kind::ListsOfCounts | Kind::ListsOfNumbers);
        let (inner, repetition) = match is_list {
            true => ("element", Repetition::REQUIRED),
            false => (name, Repetition::OPTIONAL),
        };
        let value = Type::primitive_type_builder(inner, physical)
            .with_repetition(repetition)
            .with_logical_type(logical)
            .build()?;
        if !is_list {
            return Ok(Arc::new(value));
        }
        let list = Type::group_type_builder("list")
            .with_repetition(Repetition::REPEATED)
            .with_fields(vec![Arc::new(value)])
            .build()?;
        let column = Type::group_type_builder(name)
            .with_repetition(Repetition::OPTIONAL)
            .with_converted_type(ConvertedType::LIST)
            .with_logical_type(Some(LogicalType::List))
            .with_fields(vec![Arc::new(list)])
            .build()?;
        Ok(Arc::new(column))
    }
}

/// Checks that `out` may be written: it is not there, or is a data set and may be replaced.
///
/// # Errors
/// [`Error::Output`], [`Error::Read`].
pub(super) fn check(out: &Path, if_exists: IfExists) -> Result<(), Error> {
    if len_of_file(out)?.is_none() {
        return Ok(());
    }
    let refuse =
        |message: &str| Err(Error::Output { path: out.to_owned(), message: message.to_owned() });
    let reader = File::open(out).ok().and_then(|it| SerializedFileReader::new(it).ok());
    let pairs = reader.and_then(|it| it.metadata().file_metadata().key_value_metadata().cloned());
    if !pairs.is_some_and(|pairs| pairs.iter().any(|it| it.key == KEY)) {
        return refuse("exists and is no data set of this program: choose another --out");
    }
    match if_exists {
        IfExists::Refuse => refuse(IfExists::EXISTS),
        _ => Ok(()),
    }
}

/// Writes the finished lines at `lines` to `out`, whose columns are these. Until it is whole it is
/// in memory, in which it takes a small part of what the lines do.
///
/// # Errors
/// [`Error::Read`], [`Error::Content`] for a line that is none of a data set, [`Error::Write`],
/// [`Error::Interrupted`].
pub(super) fn write(
    lines: &Path,
    columns: &[String],
    out: &Path,
    engine: &Engine,
) -> Result<(), Error> {
    let mut kinds: Vec<Option<Kind>> = vec![None; columns.len()];
    each_row(lines, engine, |row, _| {
        for (kind, name) in kinds.iter_mut().zip(columns) {
            let here = row.get(name).and_then(Kind::of);
            *kind = match (*kind, here) {
                (Some(a), Some(b)) => Some(a.with(b)),
                (a, b) => a.or(b),
            };
        }
        Ok(())
    })?;
    // A column without a value is one of texts.
    let kinds: Vec<Kind> = kinds.into_iter().map(|it| it.unwrap_or(Kind::Texts)).collect();
    let refused = |error: ParquetError| Error::Internal(format!("{}: {error}", out.display()));
    let mut writer = start(columns, &kinds).map_err(refused)?;
    let mut group = Vec::with_capacity(GROUP);
    let mut write_group = |group: &mut Vec<Map<String, Value>>| -> Result<(), Error> {
        let written = (|| {
            let mut rows = writer.next_row_group()?;
            for (name, kind) in columns.iter().zip(&kinds) {
                let values: Vec<&Value> =
                    group.iter().map(|it| it.get(name).unwrap_or(&Value::Null)).collect();
                write_column(&mut rows, *kind, &values)?;
            }
            rows.close().map(drop)
        })();
        group.clear();
        written.map_err(refused)
    };
    let mut n_bytes = 0;
    each_row(lines, engine, |row, len| {
        group.push(row);
        n_bytes += len;
        if group.len() < GROUP && n_bytes < GROUP_BYTES {
            return Ok(());
        }
        n_bytes = 0;
        write_group(&mut group)
    })?;
    if !group.is_empty() {
        write_group(&mut group)?;
    }
    write_whole(out, writer.into_inner().map_err(refused)?)
}

/// Each row with the length of its line.
fn each_row(
    lines: &Path,
    engine: &Engine,
    mut then: impl FnMut(Map<String, Value>, usize) -> Result<(), Error>,
) -> Result<(), Error> {
    let read_error = |source| Error::Read { path: lines.to_owned(), source };
    let reader = BufReader::new(File::open(lines).map_err(read_error)?);
    for (at, line) in reader.lines().enumerate() {
        if engine.is_cancelled() {
            return Err(Error::Interrupted(format!(
                ": all rows are in {}; the same command with --resume goes on from there",
                lines.display()
            )));
        }
        let line = line.map_err(read_error)?;
        let row = serde_json::from_str(&line).map_err(|error| Error::Content {
            place: format!("{}, line {}", lines.display(), at + 1),
            message: error.to_string(),
        })?;
        then(row, line.len())?;
    }
    Ok(())
}

/// A file in memory, whose pieces `snappy` makes smaller.
fn start(
    columns: &[String],
    kinds: &[Kind],
) -> Result<SerializedFileWriter<Vec<u8>>, ParquetError> {
    let fields = columns.iter().zip(kinds).map(|(name, kind)| kind.column(name));
    let fields = fields.collect::<Result<Vec<_>, _>>()?;
    let schema = Type::group_type_builder("rows").with_fields(fields).build()?;
    let ours = KeyValue::new(KEY.to_owned(), Dataset::VERSION.to_string());
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_key_value_metadata(Some(vec![ours]))
        .build();
    SerializedFileWriter::new(Vec::new(), Arc::new(schema), Arc::new(properties))
}

fn write_column(
    rows: &mut SerializedRowGroupWriter<'_, Vec<u8>>,
    kind: Kind,
    values: &[&Value],
) -> Result<(), ParquetError> {
    let mut column = rows.next_column()?.expect("a column for each name");
    // How much of a value is there: for a list 0 none, 1 an empty one, 2 an element.
    let is_there: Vec<i16> = values.iter().map(|it| i16::from(!it.is_null())).collect();
    let present = values.iter().filter(|it| !it.is_null());
    let number = |it: &Value| it.as_f64().expect("a number");
    // The bits of an unsigned number.
    let count = |it: &Value| it.as_u64().expect("a count") as i64;
    match kind {
        Kind::Flags => {
            let all: Vec<bool> = present.map(|it| it.as_bool().expect("a flag")).collect();
            column.typed::<BoolType>().write_batch(&all, Some(&is_there), None)?;
        }
        Kind::Counts => {
            let all: Vec<i64> = present.map(|it| count(it)).collect();
            column.typed::<Int64Type>().write_batch(&all, Some(&is_there), None)?;
        }
        Kind::Numbers => {
            let all: Vec<f64> = present.map(|it| number(it)).collect();
            column.typed::<DoubleType>().write_batch(&all, Some(&is_there), None)?;
        }
        Kind::Texts => {
            let text = |it: &&Value| match it {
                Value::String(text) => ByteArray::from(text.as_str()),
                other => ByteArray::from(other.to_string().into_bytes()),
            };
            let all: Vec<ByteArray> = present.map(text).collect();
            column.typed::<ByteArrayType>().write_batch(&all, Some(&is_there), None)?;
        }
        Kind::ListsOfCounts => write_lists::<Int64Type>(&mut column, values, count)?,
        Kind::ListsOfNumbers => write_lists::<DoubleType>(&mut column, values, number)?,
    }
    column.close()
}

fn write_lists<T: parquet::data_type::DataType>(
    column: &mut SerializedColumnWriter<'_>,
    values: &[&Value],
    of: impl Fn(&Value) -> T::T,
) -> Result<(), ParquetError> {
    let (mut all, mut definitions, mut repetitions) = (Vec::new(), Vec::new(), Vec::new());
    for value in values {
        let mut elements = Vec::new();
        push_elements(value, &mut elements);
        if elements.is_empty() {
            definitions.push(i16::from(!value.is_null()));
            repetitions.push(0);
        }
        for (at, element) in elements.into_iter().enumerate() {
            definitions.push(2);
            repetitions.push(i16::from(at > 0));
            all.push(of(element));
        }
    }
    column.typed::<T>().write_batch(&all, Some(&definitions), Some(&repetitions)).map(drop)
}

/// The elements of lists within lists, one after another.
fn push_elements<'a>(value: &'a Value, elements: &mut Vec<&'a Value>) {
    match value {
        Value::Array(items) => items.iter().for_each(|it| push_elements(it, elements)),
        Value::Null => {}
        other => elements.push(other),
    }
}
