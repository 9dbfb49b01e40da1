//! How much a file may ask of the machine before it is refused. Files come from anywhere: each
//! number here is checked before the memory is taken.

/// One record of a CSV file, one line of JSONL or of a word list, in bytes.
pub const RECORD_BYTES: usize = 1 << 20;
/// Columns of a table.
pub const COLUMNS: usize = 10_000;
/// Rows of a table, images of a folder, lines of a word list, examples of a procedural set.
pub const EXAMPLES: usize = 10_000_000;
/// Numbers of a table once categories are one-hot; 8 bytes each while the file is read.
pub const TABLE_VALUES: usize = 1 << 27;
/// Categories of a column that become inputs of their own; a column with more is left out.
pub const CATEGORIES: usize = 64;
/// Classes of a target.
pub const CLASSES: usize = 1_000;
/// Width and height of an image, in pixels.
pub const IMAGE_SIDE: u32 = 8192;
/// Memory that decoding one image may take, in bytes.
pub const IMAGE_BYTES: u64 = 64 << 20;
/// Width and height that images are resized to, in pixels.
pub const RESIZED_SIDE: usize = 512;
/// One IDX file once decompressed, in bytes; also all images of a folder together.
pub const DECODED_BYTES: u64 = 4 << 30;
/// One word of a word list, in characters.
pub const WORD_CHARACTERS: usize = 100;
/// Tokens in one example.
pub const CONTEXT: usize = 1 << 20;
/// A tokenizer file, in bytes.
pub const TOKENIZER_BYTES: usize = 64 << 20;
/// Tokens of a trained vocabulary.
pub const VOCABULARY: usize = 1 << 17;
