//! The files that a model's inputs and expected outputs come from: recordings, images, texts and arrays. The first byte says
//! which ending the file's name has, the rest is the file.

use super::super::write;
use gpujobs::arrays::{self, Numbers};
use gpujobs::graph::inputs::Argument;
use gpujobs::reference::made::{self, InputData};

const ENDINGS: [&str; 9] = ["wav", "png", "jpg", "npy", "npz", "f16", "u32", "txt", "wav"];

/// Larger images are not decoded here: the limits that they are held to allow half a GiB.
const MOST_PIXELS: usize = 1 << 18;

/// Reads the input as the program does, and panics where what must hold does not.
pub fn check(input: &[u8]) {
    let Some((choice, bytes)) = input.split_first() else { return };
    let ending = ENDINGS[usize::from(*choice) % ENDINGS.len()];
    let path = write(&format!("input.{ending}"), bytes);
    let header = arrays::header(&path, None);
    if matches!(ending, "png" | "jpg") && !header.as_ref().is_ok_and(|header| header.len <= 4 * MOST_PIXELS) {
        return;
    }
    if let Ok((found, numbers)) = arrays::read(&path, None) {
        let len = match &numbers {
            Numbers::Floats(values) => values.len(),
            Numbers::Whole(values) => values.len(),
        };
        assert_eq!(len, found.len);
        assert_eq!(header.as_ref(), Ok(&found), "the header changed");
        assert!(found.fits(found.shape.as_deref().unwrap_or(&[len])), "{}", found.says());
    }
    match made::argument(&Argument::File(path), 2) {
        Ok(InputData::Pictures(pictures)) => {
            assert_eq!(pictures.len(), 2);
            pictures.iter().for_each(|one| assert_eq!(one.rgb.len(), 3 * one.width * one.height));
        }
        // A sample takes a byte at least.
        Ok(InputData::Sounds(sounds)) => sounds.iter().for_each(|sound| assert!(sound.len() <= bytes.len())),
        Ok(InputData::Texts(_) | InputData::Labels(_)) => {}
        Err(error) => drop(error.to_string()),
    }
}
