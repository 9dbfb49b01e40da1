//! A folder with one sub-folder of PNG or JPEG images for each class.

use std::io::Cursor;

use image::imageops::FilterType;
use image::{DynamicImage, ImageFormat, ImageReader, Limits};
use kitchen_types::config::ImageFolderConfig;
use kitchen_types::ports::{DataError, Splits};

use crate::features::{FeatureInputs, FeatureTargets, Features};
use crate::files::{Files, join};
use crate::limits;
use crate::read;
use crate::split::hold_out;
use crate::words::{Words, counted, thousands};

/// Opens every image, class by class and file by file in order of name, and resizes it.
pub(crate) fn open(
    config: &ImageFolderConfig,
    files: &dyn Files,
    seed: u64,
) -> Result<Splits, DataError> {
    read::need_path(&config.path, "folder")?;
    if !(1..=limits::RESIZED_SIDE).contains(&config.size) {
        return Err(DataError::new(
            "data.size",
            format!("images cannot be resized to {} pixels", config.size),
            format!("use a number from 1 to {}", limits::RESIZED_SIDE),
        ));
    }
    let found = Found::list(files, &config.path)?;
    let channels = if config.gray { 1 } else { 3 };
    let bytes = found.images.len() as u64 * (channels * config.size * config.size) as u64;
    if bytes > limits::DECODED_BYTES {
        return Err(DataError::new(
            &config.path,
            format!(
                "becomes {} bytes of pixels, which is too large",
                thousands(bytes)
            ),
            "use a smaller data.size, or fewer images",
        ));
    }
    let mut pixels = Vec::new();
    let mut classes = Vec::with_capacity(found.images.len());
    for (path, class) in &found.images {
        append_image(path, &files.read(path)?, config, &mut pixels)?;
        classes.push(*class);
    }
    let halves = hold_out(classes.len(), Some(&classes), config.validation, seed)?;
    let source = format!(
        "{}: {} images of {} classes, resized to {}x{}",
        config.path,
        thousands(classes.len() as u64),
        found.classes.len(),
        config.size,
        config.size
    );
    let notes = match found.passed_over {
        0 => Vec::new(),
        n => vec![format!(
            "passed over {}, neither PNG nor JPEG",
            counted(n, "file")
        )],
    };
    let features = Features {
        shape: vec![channels, config.size, config.size],
        inputs: FeatureInputs::Pixels(pixels),
        targets: FeatureTargets::Classes {
            names: found.classes,
            of_row: classes,
        },
        words: Words::Picture,
    };
    Ok(features.split(halves, source, notes))
}

/// What a folder holds.
struct Found {
    classes: Vec<String>,
    /// The path of each image, and its class.
    images: Vec<(String, u32)>,
    passed_over: usize,
}

impl Found {
    fn list(files: &dyn Files, folder: &str) -> Result<Self, DataError> {
        let mut found = Self {
            classes: Vec::new(),
            images: Vec::new(),
            passed_over: 0,
        };
        for entry in files.list(folder)?.into_iter().filter(|entry| entry.folder) {
            let class = found.classes.len() as u32;
            let class_folder = join(folder, &entry.name);
            let before = found.images.len();
            for file in files
                .list(&class_folder)?
                .into_iter()
                .filter(|entry| !entry.folder)
            {
                if format_of_name(&file.name).is_none() {
                    found.passed_over += 1;
                } else if found.images.len() < limits::EXAMPLES {
                    found.images.push((join(&class_folder, &file.name), class));
                } else {
                    return Err(read::too_many(folder, "images"));
                }
            }
            // A folder without images, such as `.git`, is no class.
            if found.images.len() > before {
                found.classes.push(entry.name);
            }
        }
        if found.classes.len() > limits::CLASSES {
            return Err(DataError::new(
                folder,
                format!(
                    "has {} classes, more than {}",
                    found.classes.len(),
                    limits::CLASSES
                ),
                "use one sub-folder for each class",
            ));
        }
        if found.classes.len() < 2 {
            return Err(DataError::new(
                folder,
                format!(
                    "has {} with images",
                    counted(found.classes.len(), "sub-folder")
                ),
                "make one sub-folder for each class, at least two, with PNG or JPEG files in each",
            ));
        }
        Ok(found)
    }
}

fn format_of_name(name: &str) -> Option<ImageFormat> {
    let extension = name.rsplit_once('.')?.1.to_ascii_lowercase();
    match extension.as_str() {
        "png" => Some(ImageFormat::Png),
        "jpg" | "jpeg" => Some(ImageFormat::Jpeg),
        _ => None,
    }
}

/// Decodes an image within its limits, and appends it channel by channel.
pub(crate) fn append_image(
    path: &str,
    bytes: &[u8],
    config: &ImageFolderConfig,
    pixels: &mut Vec<u8>,
) -> Result<(), DataError> {
    let image = decode(path, bytes)?;
    let size = config.size as u32;
    let image = image.resize_exact(size, size, FilterType::Triangle);
    if config.gray {
        pixels.extend(image.into_luma8().into_raw());
    } else {
        let colours = image.into_rgb8().into_raw();
        for channel in 0..3 {
            pixels.extend(colours.iter().skip(channel).step_by(3));
        }
    }
    Ok(())
}

fn decode(path: &str, bytes: &[u8]) -> Result<DynamicImage, DataError> {
    let mut allowed = Limits::default();
    allowed.max_image_width = Some(limits::IMAGE_SIDE);
    allowed.max_image_height = Some(limits::IMAGE_SIDE);
    allowed.max_alloc = Some(limits::IMAGE_BYTES);
    let format = image::guess_format(bytes)
        .ok()
        .filter(|format| matches!(format, ImageFormat::Png | ImageFormat::Jpeg));
    let Some(format) = format else {
        return Err(DataError::new(
            path,
            "is neither a PNG nor a JPEG image",
            "convert it, or take it out of the folder",
        ));
    };
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(allowed);
    reader.decode().map_err(|error| {
        DataError::new(
            path,
            // Some decoders break their lines.
            format!("cannot be decoded: {}", error.to_string().trim()),
            "replace it, or take it out of the folder",
        )
    })
}
