//! The administrator's commands: they speak to the admin API of a server, never to files.

mod amend;
mod api;
mod events;
mod pools;
mod refresh;
mod register;

use serde_json::Value;

use crate::cli::{ListOptions, RemoveOptions, RollbackOptions};
use crate::client::api::Api;
use crate::exit::Failure;

pub(crate) use amend::{diagnostic, name_view};
pub(crate) use pools::pools;
pub(crate) use refresh::refresh;
pub(crate) use register::register;

/// Lists datasets, or the versions of one.
#[expect(clippy::print_stdout, reason = "it is what the command is for")]
pub(crate) async fn list(options: &ListOptions) -> Result<(), Failure> {
    let api = Api::new(&options.server)?;
    let Some(id) = &options.id else {
        let ids: Vec<String> = api.get_public("datasets").await?;
        for id in ids {
            println!("{id}");
        }
        return Ok(());
    };
    let dataset: Value = api.get(&["datasets", id]).await?;
    println!("{}", serde_json::to_string_pretty(&dataset).unwrap_or_default());
    Ok(())
}

/// Takes a dataset out of the catalog.
#[expect(clippy::print_stdout, reason = "it is what the command is for")]
pub(crate) async fn remove(options: &RemoveOptions) -> Result<(), Failure> {
    Api::new(&options.server)?.delete(&["datasets", &options.id]).await?;
    println!("removed {}", options.id);
    Ok(())
}

/// Makes an earlier version current.
#[expect(clippy::print_stdout, reason = "it is what the command is for")]
pub(crate) async fn roll_back(options: &RollbackOptions) -> Result<(), Failure> {
    let body = serde_json::json!({ "version": options.version });
    let answer: Value =
        Api::new(&options.server)?.post(&["datasets", &options.id, "rollback"], &body).await?;
    println!("{} is at version {}", options.id, answer["version"]);
    Ok(())
}
