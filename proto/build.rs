//! Makes the Rust types of the wire with protox: no protoc to install, no generated code in git.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=cloudify");
    let files = protox::compile(
        ["catalog", "chunks", "evaluation", "registration", "sources"]
            .map(|name| format!("cloudify/v1/{name}.proto")),
        ["."],
    )?;
    tonic_prost_build::configure().bytes(".").btree_map(".").build_transport(false).compile_fds(files)?;
    Ok(())
}
