//! Arrays as numpy's `save` writes them (NPY format, versions 1 to 3).

use crate::error::{Error, ErrorKind, Result};

/// An array: its shape, and its numbers with the last index fastest.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Array {
    pub(super) shape: Vec<usize>,
    pub(super) values: Vec<f64>,
}

/// The most numbers that an array may have: a state-by-state TPM of 12 units has as many.
const MOST: usize = 1 << 24;

fn wrong(message: impl Into<String>) -> Error {
    ErrorKind::Json(format!("npy: {}", message.into())).into()
}

/// Reads an array of real numbers or truth values.
///
/// # Errors
/// If the bytes are not such an array.
pub(super) fn read(bytes: &[u8]) -> Result<Array> {
    let rest = bytes.strip_prefix(b"\x93NUMPY").ok_or_else(|| {
        wrong(
            "the first bytes are not those of numpy's format, expected a file written by \
               numpy.save",
        )
    })?;
    let cut_short = || wrong("the header is cut short");
    let (&[major, _minor], rest) = rest.split_first_chunk().ok_or_else(cut_short)?;
    let (len, rest) = match major {
        1 => {
            let (len, rest) = rest.split_first_chunk().ok_or_else(cut_short)?;
            (usize::from(u16::from_le_bytes(*len)), rest)
        }
        2 | 3 => {
            let (len, rest) = rest.split_first_chunk().ok_or_else(cut_short)?;
            (u32::from_le_bytes(*len) as usize, rest)
        }
        _ => return Err(wrong(format!("version {major}, expected 1, 2 or 3"))),
    };
    let (header, data) = rest.split_at_checked(len).ok_or_else(cut_short)?;
    let header = std::str::from_utf8(header).map_err(|_| wrong("the header is not text"))?;
    let descr = quoted(header, "descr").ok_or_else(|| wrong("descr: missing, expected a type"))?;
    let is_fortran = match after(header, "fortran_order") {
        Some(it) if it.starts_with("True") => true,
        Some(it) if it.starts_with("False") => false,
        _ => return Err(wrong("fortran_order: missing, expected True or False")),
    };
    let shape = shape(header)?;
    let n_values = shape.iter().try_fold(1_usize, |product, it| product.checked_mul(*it));
    let n_values = n_values.filter(|it| *it <= MOST).ok_or_else(|| {
        wrong(format!("shape {shape:?}: too large, expected at most {MOST} numbers"))
    })?;
    let (size, decode) = number(descr)?;
    if data.len() != n_values * size {
        let (found, expected) = (data.len(), n_values * size);
        return Err(wrong(format!("{found} bytes of data, expected {expected}")));
    }
    let values: Vec<f64> = data.chunks_exact(size).map(decode).collect();
    let values = if is_fortran { transposed(&values, &shape) } else { values };
    Ok(Array { shape, values })
}

/// Returns the part of the header that follows a key.
fn after<'a>(header: &'a str, key: &str) -> Option<&'a str> {
    let at = header.find(&format!("'{key}'"))?;
    Some(header[at + key.len() + 2..].trim_start().strip_prefix(':')?.trim_start())
}

fn quoted<'a>(header: &'a str, key: &str) -> Option<&'a str> {
    let value = after(header, key)?.strip_prefix('\'')?;
    Some(&value[..value.find('\'')?])
}

fn shape(header: &str) -> Result<Vec<usize>> {
    let missing = || wrong("shape: missing, expected a tuple");
    let value = after(header, "shape").and_then(|it| it.strip_prefix('(')).ok_or_else(missing)?;
    let value = &value[..value.find(')').ok_or_else(missing)?];
    let items = value.split(',').map(str::trim).filter(|it| !it.is_empty());
    items
        .map(|it| it.parse().map_err(|_| wrong(format!("shape: {it:?}, expected a number"))))
        .collect()
}

type Decode = fn(&[u8]) -> f64;

/// The size of a number of this type, and how it is read.
fn number(descr: &str) -> Result<(usize, Decode)> {
    macro_rules! of {
        ($type:ty, $from:ident) => {
            (size_of::<$type>(), |it: &[u8]| {
                <$type>::$from(it.try_into().expect("a chunk of this size")) as f64
            })
        };
    }
    Ok(match descr {
        "<f8" => of!(f64, from_le_bytes),
        ">f8" => of!(f64, from_be_bytes),
        "<f4" => of!(f32, from_le_bytes),
        ">f4" => of!(f32, from_be_bytes),
        "|b1" | "|u1" => of!(u8, from_le_bytes),
        "|i1" => of!(i8, from_le_bytes),
        "<i2" => of!(i16, from_le_bytes),
        ">i2" => of!(i16, from_be_bytes),
        "<u2" => of!(u16, from_le_bytes),
        "<i4" => of!(i32, from_le_bytes),
        ">i4" => of!(i32, from_be_bytes),
        "<u4" => of!(u32, from_le_bytes),
        "<i8" => of!(i64, from_le_bytes),
        ">i8" => of!(i64, from_be_bytes),
        "<u8" => of!(u64, from_le_bytes),
        _ => {
            let expected = "expected real numbers of a common type, such as <f8, <f4, <i8 or |b1";
            return Err(wrong(format!("descr {descr:?}: {expected}")));
        }
    })
}

/// The numbers of an array whose first index is fastest, with the last fastest.
fn transposed(values: &[f64], shape: &[usize]) -> Vec<f64> {
    let mut index = vec![0; shape.len()];
    let mut sorted = Vec::with_capacity(values.len());
    for _ in 0..values.len() {
        let at = index.iter().zip(shape).rev().fold(0, |at, (i, n)| at * n + i);
        sorted.push(values[at]);
        for (i, n) in index.iter_mut().zip(shape).rev() {
            *i += 1;
            if *i < *n {
                break;
            }
            *i = 0;
        }
    }
    sorted
}
