//! Bad images and IDX files, by name, and what is said of each: the place, what is wrong, and what
//! to do.
#![allow(clippy::unwrap_used)]

mod common;

use common::{check, check_all, gzip, idx, image};
use expect_test::expect;
use image::ImageFormat;
use kitchen_types::config::*;

/// A good data set of four images, but for what stands in place of the training images.
fn check_images(name: &str, bytes: Vec<u8>) -> String {
    check_idx(name, "m/train-images-idx3-ubyte", bytes)
}

/// A good data set of four images, but for one file.
fn check_idx(name: &str, path: &str, bytes: Vec<u8>) -> String {
    let mut files = vec![
        ("m/train-images-idx3-ubyte", idx(&[4, 2, 2], &[9; 16])),
        ("m/train-labels-idx1-ubyte", idx(&[4], &[0, 1, 0, 1])),
        ("m/t10k-images-idx3-ubyte", idx(&[2, 2, 2], &[9; 8])),
        ("m/t10k-labels-idx1-ubyte", idx(&[2], &[0, 1])),
    ];
    files.retain(|(known, _)| *known != path);
    files.push((path, bytes));
    let config = DataConfig::Idx(IdxConfig {
        path: "m".into(),
        ..IdxConfig::default()
    });
    check(name, files, config)
}

/// A good folder of two classes, but for one more file.
fn check_folder(name: &str, path: &str, bytes: Vec<u8>) -> String {
    let good = || image(ImageFormat::Png, 4, 4, [9, 9, 9]);
    let files = vec![("p/a/1.png", good()), ("p/b/1.png", good()), (path, bytes)];
    check(name, files, folder("p"))
}

fn folder(path: &str) -> DataConfig {
    DataConfig::Images(ImageFolderConfig {
        path: path.into(),
        ..ImageFolderConfig::default()
    })
}

/// A PNG whose header claims another size; its checksum is put right.
fn png_claiming(width: u32, height: u32) -> Vec<u8> {
    let mut png = image(ImageFormat::Png, 4, 4, [9, 9, 9]);
    png[16..20].copy_from_slice(&width.to_be_bytes());
    png[20..24].copy_from_slice(&height.to_be_bytes());
    let mut crc = flate2::Crc::new();
    crc.update(&png[12..29]);
    png[29..33].copy_from_slice(&crc.sum().to_be_bytes());
    png
}

#[test]
fn idx_files() {
    check_all(
        [
            check_images("empty", vec![]),
            check_images("half a header", idx(&[4, 2, 2], &[])[..7].to_vec()),
            check_images("half the pixels", idx(&[4, 2, 2], &[9; 7])),
            check_images("too many pixels", idx(&[4, 2, 2], &[9; 17])),
            check_images("no images", idx(&[0, 2, 2], &[])),
            check_images("images of no pixels", idx(&[4, 0, 2], &[])),
            check_images("a PNG", image(ImageFormat::Png, 2, 2, [1, 2, 3])),
            check_images(
                "floats",
                [&[0, 0, 0x0d, 3][..], &idx(&[4, 2, 2], &[9; 16])[4..]].concat(),
            ),
            check_images(
                "an unknown type",
                [&[0, 0, 0x07, 3][..], &idx(&[4, 2, 2], &[9; 16])[4..]].concat(),
            ),
            check_images("no dimensions", vec![0, 0, 8, 0, 1]),
            check_images("200 dimensions", vec![0, 0, 8, 200]),
            check_images("labels in place of images", idx(&[4], &[0; 4])),
            check_images("a size that overflows", idx(&[u32::MAX; 3], &[9; 16])),
            check_images(
                "a size of many gigabytes",
                idx(&[1 << 20, 1 << 10, 1 << 3], &[9; 16]),
            ),
            check_images("a size beyond the file", idx(&[1 << 20, 28, 28], &[9; 16])),
            check_images(
                "images of another size than the test images",
                idx(&[4, 1, 4], &[9; 16]),
            ),
            check_images("more images than labels", idx(&[5, 2, 2], &[9; 20])),
            check_images("a gzip header and no more", vec![0x1f, 0x8b, 8, 0]),
            check_images("a gzip of nothing", gzip(b"")),
            check_images("half a gzip", {
                let whole = gzip(&idx(
                    &[4, 2, 2],
                    &(0..16).map(|i| i * 13).collect::<Vec<u8>>(),
                ));
                whole[..whole.len() / 2].to_vec()
            }),
            check_images("a gzip with a damaged sum", {
                let mut damaged = gzip(&idx(&[4, 2, 2], &[9; 16]));
                let at = damaged.len() - 6;
                damaged[at] ^= 1;
                damaged
            }),
            check_images("a gzip that goes on", gzip(&idx(&[4, 2, 2], &[9; 17]))),
            check_images("a bomb", gzip(&idx(&[4, 2, 2], &vec![0; 50 << 20]))),
            check_images(
                "a gzip that promises a bomb",
                gzip(&idx(&[1 << 20, 32, 32], &[0; 64])),
            ),
            check_idx("no labels", "m/train-labels-idx1-ubyte", vec![]),
            check_idx(
                "fewer labels than images",
                "m/train-labels-idx1-ubyte",
                idx(&[3], &[0, 1, 0]),
            ),
            check(
                "a folder that lacks a file",
                vec![("m/train-images-idx3-ubyte", idx(&[4, 2, 2], &[9; 16]))],
                DataConfig::Idx(IdxConfig {
                    path: "m".into(),
                    ..IdxConfig::default()
                }),
            ),
            check(
                "fewer names than classes",
                vec![
                    ("m/train-images-idx3-ubyte", idx(&[4, 2, 2], &[9; 16])),
                    ("m/train-labels-idx1-ubyte", idx(&[4], &[0, 1, 2, 3])),
                ],
                DataConfig::Idx(IdxConfig {
                    path: "m".into(),
                    validation: 0.25,
                    classes: vec!["cat".into(), "dog".into()],
                }),
            ),
        ],
        expect![[r#"
            empty
                m/train-images-idx3-ubyte: ends within its header, after byte 0; download the file again; this copy is incomplete
            half a header
                m/train-images-idx3-ubyte: ends within its header, after byte 4; download the file again; this copy is incomplete
            half the pixels
                m/train-images-idx3-ubyte: ends at byte 23 of 32; download the file again; this copy is incomplete
            too many pixels
                m/train-images-idx3-ubyte: goes on after its 4x2x2 numbers; check that it is the right file
            no images
                m/train-images-idx3-ubyte: has no pixels; use a file with at least one image
            images of no pixels
                m/train-images-idx3-ubyte: has no pixels; use a file with at least one image
            a PNG
                m/train-images-idx3-ubyte: begins with [89, 50, 4e, 47], and an IDX file with two zero bytes; name an IDX file, such as those of MNIST
            floats
                m/train-images-idx3-ubyte: byte 2: its numbers are 32-bit floats, and only bytes (0x08) are read; convert them to bytes
            an unknown type
                m/train-images-idx3-ubyte: byte 2: its numbers are of unknown type 0x07, and only bytes (0x08) are read; convert them to bytes
            no dimensions
                m/train-images-idx3-ubyte: byte 3: claims 0 dimensions; images have three, labels have one
            200 dimensions
                m/train-images-idx3-ubyte: byte 3: claims 200 dimensions; images have three, labels have one
            labels in place of images
                m/train-images-idx3-ubyte: has 1 dimension instead of 3; images have three (count, height, width), labels have one
            a size that overflows
                m/train-images-idx3-ubyte: claims 4294967295x4294967295x4294967295 numbers, more than 4294967296; check that it is an IDX file, or take a part of it
            a size of many gigabytes
                m/train-images-idx3-ubyte: claims 1048576x1024x8 numbers, more than 4294967296; check that it is an IDX file, or take a part of it
            a size beyond the file
                m/train-images-idx3-ubyte: claims 1048576x28x28 numbers, more than a file of its size can hold; download the file again; this copy is incomplete or damaged
            images of another size than the test images
                m: training images have 1x4 pixels and test images 2x2; use files that belong together
            more images than labels
                m/train-labels-idx1-ubyte: has 4 labels for 5 images; use files that belong together
            a gzip header and no more
                m/train-images-idx3-ubyte: ends within its header, after byte 0; download the file again; this copy is incomplete
            a gzip of nothing
                m/train-images-idx3-ubyte: ends within its header, after byte 0; download the file again; this copy is incomplete
            half a gzip
                m/train-images-idx3-ubyte: cannot be decompressed: incomplete deflate stream; download the file again; this copy is damaged
            a gzip with a damaged sum
                m/train-images-idx3-ubyte: cannot be decompressed: corrupt gzip stream does not have a matching checksum; download the file again; this copy is damaged
            a gzip that goes on
                m/train-images-idx3-ubyte: goes on after its 4x2x2 numbers; check that it is the right file
            a bomb
                m/train-images-idx3-ubyte: goes on after its 4x2x2 numbers; check that it is the right file
            a gzip that promises a bomb
                m/train-images-idx3-ubyte: claims 1048576x32x32 numbers, more than a file of its size can hold; download the file again; this copy is incomplete or damaged
            no labels
                m/train-labels-idx1-ubyte: ends within its header, after byte 0; download the file again; this copy is incomplete
            fewer labels than images
                m/train-labels-idx1-ubyte: has 3 labels for 4 images; use files that belong together
            a folder that lacks a file
                m: has no file `train-labels-idx1-ubyte` or `train-labels-idx1-ubyte.gz`; name the folder that holds the four files of the data set
            fewer names than classes
                data.classes: names 2 classes, and the labels go up to 3; name every class, or none
        "#]],
    );
}

#[test]
fn image_folders() {
    check_all(
        [
            check_folder("empty", "p/b/2.png", vec![]),
            check_folder("a text", "p/b/2.png", b"hello".to_vec()),
            check_folder(
                "half a PNG",
                "p/b/2.png",
                image(ImageFormat::Png, 64, 64, [1, 2, 3])[..60].to_vec(),
            ),
            check_folder(
                "half a JPEG",
                "p/b/2.jpg",
                image(ImageFormat::Jpeg, 64, 64, [1, 2, 3])[..60].to_vec(),
            ),
            check_folder("a GIF", "p/b/2.png", b"GIF89a\x01\0\x01\0\0\0\0;".to_vec()),
            check_folder("a PNG with a damaged sum", "p/b/2.png", {
                let mut png = image(ImageFormat::Png, 4, 4, [9, 9, 9]);
                png[30] ^= 1;
                png
            }),
            check_folder(
                "a PNG that claims to be huge",
                "p/b/2.png",
                png_claiming(60_000, 60_000),
            ),
            check_folder(
                "a PNG that claims to be wide",
                "p/b/2.png",
                png_claiming(9_000, 1),
            ),
            check_folder(
                "a PNG that claims to be large",
                "p/b/2.png",
                png_claiming(8_000, 8_000),
            ),
            check_folder("a PNG of no pixels", "p/b/2.png", png_claiming(0, 4)),
            check(
                "one class",
                vec![("p/a/1.png", image(ImageFormat::Png, 4, 4, [9, 9, 9]))],
                folder("p"),
            ),
            check(
                "no sub-folders",
                vec![("p/1.png", image(ImageFormat::Png, 4, 4, [9, 9, 9]))],
                folder("p"),
            ),
            check(
                "classes without images",
                vec![("p/a/1.gif", vec![]), ("p/b/1.bmp", vec![])],
                folder("p"),
            ),
            check("a folder that is not there", vec![], folder("p")),
        ],
        expect![[r#"
            empty
                p/b/2.png: is neither a PNG nor a JPEG image; convert it, or take it out of the folder
            a text
                p/b/2.png: is neither a PNG nor a JPEG image; convert it, or take it out of the folder
            half a PNG
                p/b/2.png: cannot be decoded: unexpected end of file; replace it, or take it out of the folder
            half a JPEG
                p/b/2.jpg: cannot be decoded: Format error decoding Jpeg: I/O errors Not enough bytes, expected 64 but found 16; replace it, or take it out of the folder
            a GIF
                p/b/2.png: is neither a PNG nor a JPEG image; convert it, or take it out of the folder
            a PNG with a damaged sum
                p/b/2.png: cannot be decoded: Format error decoding Png: CRC error: expected 0x26920929 have 0x26930929 while decoding ChunkType { type: IHDR, critical: true, private: false, reserved: false, safecopy: false } chunk.; replace it, or take it out of the folder
            a PNG that claims to be huge
                p/b/2.png: cannot be decoded: Image size exceeds limit; replace it, or take it out of the folder
            a PNG that claims to be wide
                p/b/2.png: cannot be decoded: Image size exceeds limit; replace it, or take it out of the folder
            a PNG that claims to be large
                p/b/2.png: cannot be decoded: Memory limit exceeded; replace it, or take it out of the folder
            a PNG of no pixels
                p/b/2.png: cannot be decoded: Format error decoding Png: Invalid image dimensions; replace it, or take it out of the folder
            one class
                p: has 1 sub-folder with images; make one sub-folder for each class, at least two, with PNG or JPEG files in each
            no sub-folders
                p: has 0 sub-folders with images; make one sub-folder for each class, at least two, with PNG or JPEG files in each
            classes without images
                p: has 0 sub-folders with images; make one sub-folder for each class, at least two, with PNG or JPEG files in each
            a folder that is not there
                p: is not among the files that were given; drop the file onto the page, or check its name
        "#]],
    );
}
