//! `cloudify name-view` and `cloudify diagnostic`: changes that scan nothing.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::cli::{DiagnosticOptions, NameViewOptions};
use crate::client::api::Api;
use crate::exit::Failure;

/// Gives views names, or takes them away.
#[expect(clippy::print_stdout, reason = "it is what the command is for")]
pub(crate) async fn name_view(options: &NameViewOptions) -> Result<(), Failure> {
    let views: BTreeMap<&String, &String> =
        options.named_views.iter().map(|(name, steps)| (name, steps)).collect();
    let body = json!({ "views": views });
    let answer: Value = Api::new(&options.server)?.patch(&["datasets", &options.id], &body).await?;
    println!("{} is at version {}", options.id, answer["version"]);
    Ok(())
}

/// Makes a diagnostic a variable, or takes one out.
#[expect(clippy::print_stdout, reason = "it is what the command is for")]
pub(crate) async fn diagnostic(options: &DiagnosticOptions) -> Result<(), Failure> {
    let DiagnosticOptions { server, remove, id, asked } = options;
    let api = Api::new(server)?;
    if let Some(name) = remove {
        api.delete(&["datasets", id, "diagnostics", name]).await?;
        println!("removed {name} from {id}");
    }
    if let [variable, coord, action] = asked.as_slice() {
        let body = json!({ "variable": variable, "coord": coord, "action": action });
        let answer: Value = api.post(&["datasets", id, "diagnostics"], &body).await?;
        println!("{id} has {} in version {}", answer["name"].as_str().unwrap_or_default(), answer["version"]);
    }
    Ok(())
}
