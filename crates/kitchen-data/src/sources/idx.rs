//! Images and labels in IDX files, the format of MNIST: two zero bytes, the type of the numbers,
//! how many dimensions, each dimension as four bytes (big end first), then the numbers.

use std::io::{self, Read};

use flate2::read::GzDecoder;
use kitchen_types::config::IdxConfig;
use kitchen_types::ports::{DataError, Splits};

use crate::features::{FeatureInputs, FeatureTargets, Features};
use crate::files::{Files, join};
use crate::limits;
use crate::read;
use crate::split::{Halves, check_share, hold_out};
use crate::words::{Words, counted, thousands};

/// Opens `train-images-idx3-ubyte` and its three companions in a folder. The test images follow
/// the training images in the numbering of examples.
pub(crate) fn open(config: &IdxConfig, files: &dyn Files, seed: u64) -> Result<Splits, DataError> {
    read::need_path(&config.path, "folder")?;
    check_share(config.validation)?;
    let train = Part::read(files, &config.path, "train")?;
    // Without held-out training images, the test images are what is validated on.
    let test = if config.validation == 0.0 {
        Some(Part::read(files, &config.path, "t10k")?)
    } else {
        None
    };
    let rows = train.labels.len();
    let halves = match &test {
        None => hold_out(rows, Some(&train.labels), config.validation, seed)?,
        Some(test) if test.shape == train.shape => Halves {
            train: (0..rows as u32).collect(),
            validation: (rows as u32..(rows + test.labels.len()) as u32).collect(),
        },
        Some(test) => {
            return Err(DataError::new(
                &config.path,
                format!(
                    "training images have {} pixels and test images {}",
                    describe(&train.shape),
                    describe(&test.shape)
                ),
                "use files that belong together",
            ));
        }
    };
    let Part {
        shape,
        mut pixels,
        mut labels,
    } = train;
    if let Some(test) = test {
        pixels.extend(test.pixels);
        labels.extend(test.labels);
    }
    let names = class_names(config, &labels)?;
    let source = format!(
        "{}: {} images of {} pixels, {} classes",
        config.path,
        thousands(labels.len() as u64),
        describe(&shape),
        names.len()
    );
    let [height, width] = shape;
    let features = Features {
        shape: vec![1, height, width],
        inputs: FeatureInputs::Pixels(pixels),
        targets: FeatureTargets::Classes {
            names,
            of_row: labels,
        },
        words: Words::Picture,
    };
    Ok(features.split(halves, source, Vec::new()))
}

/// The images and labels of one pair of files.
struct Part {
    /// Height and width.
    shape: [usize; 2],
    pixels: Vec<u8>,
    labels: Vec<u32>,
}

impl Part {
    fn read(files: &dyn Files, folder: &str, part: &str) -> Result<Self, DataError> {
        let (images_path, images) = read_idx(files, folder, &format!("{part}-images"), 3)?;
        let (labels_path, labels) = read_idx(files, folder, &format!("{part}-labels"), 1)?;
        let &[count, height, width] = images.shape.as_slice() else {
            return Err(wrong_dimensions(&images_path, &images, 3));
        };
        if height == 0 || width == 0 || count == 0 {
            return Err(DataError::new(
                &images_path,
                "has no pixels",
                "use a file with at least one image",
            ));
        }
        if labels.values.len() != count {
            return Err(DataError::new(
                &labels_path,
                format!("has {} labels for {count} images", labels.values.len()),
                "use files that belong together",
            ));
        }
        if count > limits::EXAMPLES {
            return Err(read::too_many(&images_path, "images"));
        }
        Ok(Self {
            shape: [height, width],
            pixels: images.values,
            labels: labels
                .values
                .iter()
                .map(|label| u32::from(*label))
                .collect(),
        })
    }
}

/// The names of the classes. Errors if there are fewer names than labels.
fn class_names(config: &IdxConfig, labels: &[u32]) -> Result<Vec<String>, DataError> {
    let classes = labels.iter().max().map_or(0, |last| *last as usize + 1);
    match config.classes.len() {
        0 => Ok((0..classes.max(2)).map(|class| class.to_string()).collect()),
        named if named >= classes => Ok(config.classes.clone()),
        named => Err(DataError::new(
            "data.classes",
            format!(
                "names {named} classes, and the labels go up to {}",
                classes - 1
            ),
            "name every class, or none",
        )),
    }
}

/// Reads the file whose name begins with `stem`, gzipped or not.
fn read_idx(
    files: &dyn Files,
    folder: &str,
    stem: &str,
    dimensions: usize,
) -> Result<(String, Idx), DataError> {
    let name = format!("{stem}-idx{dimensions}-ubyte");
    // The same files also go about with a dot in the name.
    let dotted = format!("{stem}.idx{dimensions}-ubyte");
    let candidates =
        [&name, &dotted].map(|name| [join(folder, name), join(folder, &format!("{name}.gz"))]);
    let Some(path) = candidates
        .as_flattened()
        .iter()
        .find(|path| files.exists(path))
    else {
        return Err(DataError::new(
            folder,
            format!("has no file `{name}` or `{name}.gz`"),
            "name the folder that holds the four files of the data set",
        ));
    };
    let idx = parse(path, &files.read(path)?)?;
    if idx.shape.len() != dimensions {
        return Err(wrong_dimensions(path, &idx, dimensions));
    }
    Ok((path.clone(), idx))
}

fn wrong_dimensions(path: &str, idx: &Idx, expected: usize) -> DataError {
    DataError::new(
        path,
        format!(
            "has {} instead of {expected}",
            counted(idx.shape.len(), "dimension")
        ),
        "images have three (count, height, width), labels have one",
    )
}

/// The content of an IDX file of bytes.
#[derive(Debug, PartialEq)]
pub(crate) struct Idx {
    pub(crate) shape: Vec<usize>,
    pub(crate) values: Vec<u8>,
}

/// Parses an IDX file, gzipped or not. The size that the header claims is checked before any
/// memory is taken, and a compressed file is never inflated beyond it.
pub(crate) fn parse(path: &str, bytes: &[u8]) -> Result<Idx, DataError> {
    if bytes.starts_with(&[0x1f, 0x8b]) {
        // Deflate makes at most 1,032 bytes of one.
        let most = (bytes.len() as u64).saturating_mul(1032);
        parse_stream(path, GzDecoder::new(bytes), most)
    } else {
        parse_stream(path, bytes, bytes.len() as u64)
    }
}

fn parse_stream(path: &str, mut stream: impl Read, most: u64) -> Result<Idx, DataError> {
    let shape = header(path, &mut stream)?;
    let offset = 4 + 4 * shape.len();
    let size = shape
        .iter()
        .try_fold(1u64, |size, side| size.checked_mul(*side as u64));
    let size = size
        .filter(|size| *size <= limits::DECODED_BYTES)
        .ok_or_else(|| {
            DataError::new(
                path,
                format!(
                    "claims {} numbers, more than {}",
                    describe(&shape),
                    limits::DECODED_BYTES
                ),
                "check that it is an IDX file, or take a part of it",
            )
        })?;
    let short = |found: u64| {
        DataError::new(
            path,
            format!("ends at byte {found} of {}", size + offset as u64),
            "download the file again; this copy is incomplete",
        )
    };
    if size > most {
        return Err(DataError::new(
            path,
            format!(
                "claims {} numbers, more than a file of its size can hold",
                describe(&shape)
            ),
            "download the file again; this copy is incomplete or damaged",
        ));
    }
    let mut values = Vec::new();
    (&mut stream)
        .take(size)
        .read_to_end(&mut values)
        .map_err(|error| unreadable(path, &error))?;
    if (values.len() as u64) < size {
        return Err(short((offset + values.len()) as u64));
    }
    // Reading on also makes gzip compare its checksum.
    let mut more = [0];
    if stream
        .read(&mut more)
        .map_err(|error| unreadable(path, &error))?
        > 0
    {
        return Err(DataError::new(
            path,
            format!("goes on after its {} numbers", describe(&shape)),
            "check that it is the right file",
        ));
    }
    Ok(Idx { shape, values })
}

/// The dimensions that the header claims.
fn header(path: &str, stream: &mut impl Read) -> Result<Vec<usize>, DataError> {
    let mut magic = [0; 4];
    read_header(path, stream, &mut magic, 0)?;
    let [0, 0, kind, dimensions] = magic else {
        return Err(DataError::new(
            path,
            format!("begins with {magic:02x?}, and an IDX file with two zero bytes"),
            "name an IDX file, such as those of MNIST",
        ));
    };
    if kind != 0x08 {
        return Err(DataError::new(
            path,
            format!(
                "byte 2: its numbers are {}, and only bytes (0x08) are read",
                kind_name(kind)
            ),
            "convert them to bytes",
        ));
    }
    if !(1..=4).contains(&dimensions) {
        return Err(DataError::new(
            path,
            format!("byte 3: claims {dimensions} dimensions"),
            "images have three, labels have one",
        ));
    }
    (0..usize::from(dimensions))
        .map(|dimension| {
            let mut side = [0; 4];
            read_header(path, stream, &mut side, 4 + 4 * dimension)?;
            Ok(u32::from_be_bytes(side) as usize)
        })
        .collect()
}

fn read_header(
    path: &str,
    stream: &mut impl Read,
    into: &mut [u8; 4],
    offset: usize,
) -> Result<(), DataError> {
    stream.read_exact(into).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => DataError::new(
            path,
            format!("ends within its header, after byte {offset}"),
            "download the file again; this copy is incomplete",
        ),
        _ => unreadable(path, &error),
    })
}

fn unreadable(path: &str, error: &io::Error) -> DataError {
    DataError::new(
        path,
        format!("cannot be decompressed: {error}"),
        "download the file again; this copy is damaged",
    )
}

fn kind_name(kind: u8) -> String {
    match kind {
        0x09 => "signed bytes".into(),
        0x0b => "16-bit integers".into(),
        0x0c => "32-bit integers".into(),
        0x0d => "32-bit floats".into(),
        0x0e => "64-bit floats".into(),
        other => format!("of unknown type {other:#04x}"),
    }
}

/// Dimensions as people write them, such as `28x28`.
fn describe(shape: &[usize]) -> String {
    let sides: Vec<String> = shape.iter().map(ToString::to_string).collect();
    sides.join("x")
}
