//! Packs the charting library of reports: as gzip it is a third as large, and the crate that has it need not be in the program.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

fn main() -> std::io::Result<()> {
    writeln!(std::io::stdout(), "cargo::rerun-if-changed=build.rs")?;
    let scripts = plotly::Plot::offline_js_sources();
    // The first of the scripts that the crate hands out is the library; the other one sets formulas.
    let library = scripts.split_once('>').map_or("", |(_, rest)| rest);
    // The library has no such end in it, or it could not stand in a page.
    let library = library.split_once("</script>").map_or(library, |(library, _)| library);
    let path = std::path::Path::new(&std::env::var_os("OUT_DIR").unwrap_or_default()).join("plotly.js.gz");
    let mut encoder = GzEncoder::new(std::fs::File::create(path)?, Compression::best());
    encoder.write_all(library.as_bytes())?;
    encoder.finish()?;
    Ok(())
}
