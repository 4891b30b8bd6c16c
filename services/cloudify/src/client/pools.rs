//! `cloudify pools`: who works, and how they stand.

use serde_json::Value;

use crate::cli::PoolsOptions;
use crate::client::api::Api;
use crate::exit::Failure;

/// Lists pools of workers.
#[expect(clippy::print_stdout, reason = "it is what the command is for")]
pub(crate) async fn pools(options: &PoolsOptions) -> Result<(), Failure> {
    let answer: Value = Api::new(&options.server)?.get(&["pools"]).await?;
    if options.json {
        println!("{}", serde_json::to_string_pretty(&answer).unwrap_or_default());
        return Ok(());
    }
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    for pool in list(&answer["pools"]) {
        let members = list(&pool["members"]);
        println!("{}: {} of {} up", text(&pool["name"]), pool["members_up"], members.len());
        for member in members {
            println!(
                "  {:32} {:5} {:>4} reads and {:>3} evaluations under way, {} calls, {} failed",
                text(&member["url"]),
                text(&member["health"]),
                member["reads_under_way"],
                member["evaluations_under_way"],
                member["calls"],
                member["failed_calls"],
            );
        }
    }
    Ok(())
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
