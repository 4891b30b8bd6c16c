//! `cloudify`: a data server for Earth-system-model output. One binary, its role is its subcommand.

mod allocator;
mod cli;
mod client;
mod compose;
mod exit;
mod runtimes;
mod scan;
mod settings;
mod show;
mod shutdown;

use clap::Parser as _;

use crate::cli::{Cli, Command};
use crate::exit::{Failure, exit_code};
use crate::settings::Layers;

/// Buffers of megabytes come and go, which glibc makes dear: docs/decisions/0003. Without huge pages: docs/decisions/0017.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    let cli = Cli::parse();
    if matches!(cli.command, Command::ScanChild { .. }) {
        return worker::scan::run_child();
    }
    let is_service = matches!(cli.command, Command::Serve(_) | Command::Gateway(_) | Command::Worker(_));
    if is_service {
        allocator::keep_briefly();
    }
    let outcome = runtimes::start(is_service)
        .map_err(|error| Failure::Failed(format!("cannot start the runtime: {error}")))
        .and_then(|(runtime, _bulk)| runtime.block_on(run(cli)));
    exit_code(outcome)
}

async fn run(cli: Cli) -> Result<(), Failure> {
    // TLS of remote sources and of the administrator's commands; fails only where one is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let environment = std::env::vars().collect();
    let load = |layers: Layers| settings::load(&layers, environment);
    match cli.command {
        Command::Serve(options) => compose::serve(load(options.layers(&cli.shared))?).await,
        Command::Gateway(options) => compose::gateway(load(options.layers(&cli.shared))?).await,
        Command::Worker(options) => compose::worker(load(options.layers(&cli.shared))?).await,
        Command::Config => settings::print(&load(cli.shared.layers())?),
        Command::Scan(options) => scan::run(&options, &load(cli.shared.layers())?).await,
        Command::Register(options) => client::register(&options).await,
        Command::Ls(options) => client::list(&options).await,
        Command::Pools(options) => client::pools(&options).await,
        Command::NameView(options) => client::name_view(&options).await,
        Command::Diagnostic(options) => client::diagnostic(&options).await,
        Command::Refresh(options) => client::refresh(&options).await,
        Command::Rm(options) => client::remove(&options).await,
        Command::Rollback(options) => client::roll_back(&options).await,
        Command::ScanChild { .. } => Ok(()), // answered before there is a runtime
    }
}
