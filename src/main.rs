//! The `gpujobs` program: arguments in, exit code out.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    gpujobs::reference::onnx::disable_telemetry();
    let cli = gpujobs::cli::Cli::parse();
    gpujobs::commands::dispatch(cli).into()
}
