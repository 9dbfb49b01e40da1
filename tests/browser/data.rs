//! Files of one's own: tables, texts, pictures, and what cannot be used.

use std::fmt::Write;
use std::path::PathBuf;
use std::time::Duration;

use image::{GrayImage, Luma};

use crate::harness::{Page, SOON, Setup};

/// Writes a file for the page to be given.
fn file(page: &Page, name: &str, content: impl AsRef<[u8]>) -> anyhow::Result<PathBuf> {
    page.kitchen().write(name, content)?;
    Ok(page.kitchen().path(name))
}

fn open() -> anyhow::Result<Option<Page>> {
    let page = Setup::new().open("recipe=playground&device=cpu")?;
    if let Some(page) = &page {
        page.wait("steps", SOON, |state| state.step > 0)?;
    }
    Ok(page)
}

/// Waits until a run with these words in its address takes steps.
fn trains(page: &Page, words: &[&str]) -> anyhow::Result<()> {
    for word in words {
        let expression = format!("decodeURIComponent(location.search).includes('{word}')");
        page.wait_for(&format!("`{word}` in the address"), &expression)?;
    }
    page.wait("steps with the file", Duration::from_secs(60), |state| {
        state.step > 0 && state.loss.is_some() && state.status != "failed"
    })?;
    Ok(())
}

#[test]
fn a_table() -> anyhow::Result<()> {
    let Some(page) = open()? else { return Ok(()) };
    let mut table = "area,rooms,price\n".to_owned();
    for row in 0..200 {
        let (area, rooms) = (30 + row * 7 % 90, 1 + row % 5);
        writeln!(table, "{area},{rooms},{}", area * 3 + rooms * 20)?;
    }
    page.give("#file", &[file(&page, "flats.csv", table)?])?;
    trains(&page, &["data=csv", "flats.csv"])?;
    page.end()
}

#[test]
fn a_text() -> anyhow::Result<()> {
    let Some(page) = open()? else { return Ok(()) };
    let lines = (0..300).map(|n| format!("Scene {n}. Enter the king, and {} lords.\n", n % 7));
    page.give(
        "#file",
        &[file(&page, "plays.txt", lines.collect::<String>())?],
    )?;
    trains(&page, &["recipe=text", "plays.txt"])?;
    page.end()
}

#[test]
fn a_folder_of_pictures() -> anyhow::Result<()> {
    let Some(page) = open()? else { return Ok(()) };
    for number in 0..20_u32 {
        for (class, lies) in [("lying", true), ("standing", false)] {
            let picture = GrayImage::from_fn(8, 8, |x, y| {
                let across = if lies { y } else { x };
                Luma([if across == number % 8 { 255 } else { 0 }])
            });
            let path = page.kitchen().path(format!("bars/{class}/{number}.png"));
            std::fs::create_dir_all(path.parent().unwrap())?;
            picture.save(path)?;
        }
    }
    page.give("#folder", &[page.kitchen().path("bars")])?;
    trains(&page, &["data=images", "bars"])?;
    page.end()
}

/// Each is refused in words, and the page goes on as it was.
#[test]
fn what_cannot_be_used_is_refused_in_words() -> anyhow::Result<()> {
    let Some(page) = open()? else { return Ok(()) };
    for (name, content, words) in [
        (
            "model.onnx",
            b"\x08\x07".as_slice(),
            "is not a kind of file",
        ),
        ("lonely.png", b"\x89PNG", "not sorted into folders"),
        ("empty.csv", b"", "empty"),
        ("torn.csv", b"a,b\n1,2\n3\n", "torn.csv"),
        (
            "noise.csv",
            b"\xff\xfe\x00\x81,\x00\n\xc3\x28,1\n",
            "noise.csv",
        ),
        ("notes.txt", b"", "notes.txt"),
        (
            "broken.safetensors",
            b"\xff\xff\xff\xff\xff\xff\xff\x7f{",
            "not a whole safetensors file",
        ),
        ("wrong.toml", b"[model", "wrong.toml"),
    ] {
        page.give("#file", &[file(&page, name, content)?])?;
        page.wait_for_text(words)?;
    }
    // A preset leads back to where everything was well.
    page.go("recipe=playground&device=cpu")?;
    page.wait("steps", SOON, |state| state.step > 0)?;
    page.end()
}
