//! What a hub answers: a page of a listing, and below lines that begin with `--- ` the headers `Link` and `Content-Range`, and a
//! model's id.

use std::path::{Component, Path};

use super::super::{parts, path};
use gpujobs::store::checksum::{Checksum, is_hex};
use gpujobs::store::listing::{self, Listing};
use gpujobs::store::record::Record;
use gpujobs::store::reply::{next_in, range_in};
use gpujobs::store::{Dtype, FetchRequest, ModelId};

/// Reads the input as the program does, and panics where what must hold does not.
pub fn check(text: &str) {
    let [page, links, range, id] = parts(text);
    if let Some(next) = next_in(links) {
        assert!(links.contains(next) && !next.contains('>'));
    }
    let _ = range_in(range);
    let id: ModelId = match id.trim().parse() {
        Ok(id) => id,
        Err(error) => {
            let _ = super::super::draw(&error);
            "tests/tiny".parse().expect("an id")
        }
    };
    assert!(stays(&id.flat()) && stays(id.as_str()) && !id.flat().contains('/'));
    assert_eq!(ModelId::of_flat(&id.flat()).as_ref(), Some(&id));
    let Ok(files) = listing::files(page.as_bytes()) else { return };
    for file in &files {
        assert!(stays(&file.path), "{:?} leads out of its folder", file.path);
        assert!(!file.path.contains(char::is_control));
        let digits = if matches!(file.checksum, Checksum::Sha256(_)) { 64 } else { 40 };
        assert!(is_hex(file.checksum.digits(), digits));
        let _ = Dtype::of_file(&file.path);
    }
    let files = files.into_iter().map(|file| (file.path.clone(), file)).collect();
    let listing = Listing { commit: None, files };
    for all in [false, true] {
        let request = FetchRequest { all, ..FetchRequest::of(&[Dtype::Fp32, Dtype::Q4]) };
        assert!(request.choose(&listing, Path::new("/nowhere")).len() <= listing.files.len());
    }
    let record = Record::new(&id, "https://hub.example", "main", None, listing.files.values());
    record.write(&path("")).expect("a record can be written");
    assert_eq!(Record::read(&path("")), Some(record));
}

/// Whether a path stays below the folder that it is joined to.
fn stays(path: &str) -> bool {
    !path.is_empty() && Path::new(path).components().all(|part| matches!(part, Component::Normal(_)))
}
