//! Pools of workers, for operators.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use engine::pools::{MemberStatus, PoolStatus};
use serde_json::{Value, json};

use super::auth::Viewer;
use super::{Answer, GatewayState};

/// Pools with their workers: health, what is under way, calls so far, as this gateway sees them.
///
/// None where the gateway and its worker are one process.
#[utoipa::path(
    get, path = "/admin/v1/pools", tag = "Admin", operation_id = "admin_pools", security(("token" = [])),
    responses(
        (status = 200, body = Value, description = "The pools"),
    )
)]
pub(in crate::http) async fn list(State(state): State<Arc<GatewayState>>, _: Viewer) -> Answer {
    let pools: Vec<Value> = state.worker.pools().iter().map(pool).collect();
    Ok(Json(json!({"pools": pools})).into_response())
}

fn pool(pool: &PoolStatus) -> Value {
    let up = pool.members.iter().filter(|member| member.health.as_str() == "up").count();
    json!({
        "name": pool.name.as_str(),
        "members_up": up,
        "members": pool.members.iter().map(member).collect::<Vec<_>>(),
        "retries_left": pool.retries_left.floor(),
        "hedge_after_ms": pool.hedge_after_ms,
    })
}

fn member(member: &MemberStatus) -> Value {
    json!({
        "url": member.url,
        "health": member.health.as_str(),
        "reads_under_way": member.reads_under_way,
        "evaluations_under_way": member.evaluations_under_way,
        "calls": member.calls,
        "failed_calls": member.failed_calls,
    })
}
