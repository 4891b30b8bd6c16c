//! `cloudify`: a data server for Earth-system-model output. One binary, its role is its subcommand.

mod cli;
mod client;
mod compose;
mod exit;
mod scan;
mod settings;
mod show;
mod shutdown;

use clap::Parser as _;

use crate::cli::{Cli, Command};
use crate::exit::{Failure, exit_code};

/// Buffers of megabytes come and go: glibc gives them back to the kernel each time, and page faults then cost the
/// gateway a quarter of its time (docs/decisions/0003). Without huge pages: docs/decisions/0017.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    let cli = Cli::parse();
    if matches!(cli.command, Command::ScanChild { .. }) {
        return worker::scan::run_child();
    }
    let outcome = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::Failed(format!("cannot start the runtime: {error}")))
        .and_then(|runtime| runtime.block_on(run(cli)));
    exit_code(outcome)
}

async fn run(cli: Cli) -> Result<(), Failure> {
    // TLS of remote sources and of the administrator's commands; fails only where one is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let environment = std::env::vars().collect();
    match cli.command {
        Command::Serve(options) => {
            compose::serve(settings::load(&options.layers(&cli.shared), environment)?).await
        }
        Command::Gateway(options) => {
            compose::gateway(settings::load(&options.layers(&cli.shared), environment)?).await
        }
        Command::Worker(options) => {
            compose::worker(settings::load(&options.layers(&cli.shared), environment)?).await
        }
        Command::Config => settings::print(&settings::load(&cli.shared.layers(), environment)?),
        Command::Scan(options) => {
            scan::run(&options, &settings::load(&cli.shared.layers(), environment)?).await
        }
        Command::Register(options) => client::register(&options).await,
        Command::Ls(options) => client::list(&options).await,
        Command::Refresh(options) => client::refresh(&options).await,
        Command::Rm(options) => client::remove(&options).await,
        Command::Rollback(options) => client::roll_back(&options).await,
        Command::ScanChild { .. } => Ok(()), // answered before there is a runtime
    }
}
