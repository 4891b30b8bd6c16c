//! Who may do what: bearer tokens, of which only hashes are known, and their roles.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use http::request::Parts;
use model::{Error, ErrorKind, Result};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::http::error::AdminFailure;
use crate::http::state::GatewayState;
use crate::settings::{AdminSettings, Role};

/// The tokens that are configured.
pub(in crate::http) struct Tokens(Vec<Token>);

struct Token {
    name: Arc<str>,
    sha256: [u8; 32],
    role: Role,
}

impl Tokens {
    /// Reads the hashes of the settings.
    pub(in crate::http) fn new(settings: AdminSettings) -> Result<Self> {
        let tokens = settings.tokens.into_iter().map(|token| {
            let sha256 = hexadecimal(&token.sha256).ok_or_else(|| {
                Error::invalid(format!(
                    "admin token '{}': sha256 must be the 64 hexadecimal digits of the token's SHA-256",
                    token.name
                ))
            })?;
            Ok(Token { name: token.name.into(), sha256, role: token.role })
        });
        Ok(Self(tokens.collect::<Result<_>>()?))
    }

    /// The name of the token that a request shows, if it is one of ours.
    pub(in crate::http) fn name(&self, headers: &HeaderMap) -> Option<Arc<str>> {
        if !headers.contains_key(AUTHORIZATION) {
            return None;
        }
        self.identify(headers).ok().map(|(name, _)| name)
    }

    /// Whose token a request shows. Every token is compared, in the same time whether it fits or not.
    fn identify(&self, headers: &HeaderMap) -> Result<(Arc<str>, Role)> {
        if self.0.is_empty() {
            return Err(Error::not_found("the admin API is off: configure a token to switch it on"));
        }
        let shown = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(bearer);
        let shown = shown.ok_or_else(|| {
            Error::new(ErrorKind::Unauthorized, "send a token: 'Authorization: Bearer TOKEN'")
        })?;
        let sha256: [u8; 32] = Sha256::digest(shown.as_bytes()).into();
        let mut found = None;
        for token in &self.0 {
            if bool::from(token.sha256.ct_eq(&sha256)) {
                found = Some((Arc::clone(&token.name), token.role));
            }
        }
        found.ok_or_else(|| Error::new(ErrorKind::Unauthorized, "no such token is configured"))
    }
}

/// The token of `Bearer TOKEN`; the scheme's case does not matter.
fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

fn hexadecimal(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(bytes)
}

/// Somebody who may look.
pub(in crate::http) struct Viewer(Arc<str>, Role);
/// Somebody who may publish.
pub(in crate::http) struct Editor(Arc<str>);
/// Somebody who may remove.
pub(in crate::http) struct Administrator(Arc<str>);

impl Viewer {
    /// Whose token it is.
    pub(super) fn name(&self) -> &str {
        &self.0
    }

    /// Refuses those who may only look.
    pub(super) fn at_least_editor(&self) -> Result<()> {
        require(self.1, Role::Editor)
    }
}

impl Editor {
    /// Whose token it is.
    pub(super) fn name(&self) -> &str {
        &self.0
    }
}

impl Administrator {
    /// Whose token it is.
    pub(super) fn name(&self) -> &str {
        &self.0
    }
}

fn require(role: Role, least: Role) -> Result<()> {
    if role >= least {
        return Ok(());
    }
    let words =
        format!("this token's role is {role:?}, and {least:?} is needed: use another token").to_lowercase();
    Err(Error::new(ErrorKind::Forbidden, words))
}

fn identified(parts: &Parts, state: &GatewayState, least: Role) -> Result<(Arc<str>, Role), AdminFailure> {
    let (name, role) = state.tokens.identify(&parts.headers)?;
    require(role, least)?;
    Ok((name, role))
}

impl FromRequestParts<Arc<GatewayState>> for Viewer {
    type Rejection = AdminFailure;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<GatewayState>) -> Result<Self, AdminFailure> {
        identified(parts, state, Role::Viewer).map(|(name, role)| Self(name, role))
    }
}

impl FromRequestParts<Arc<GatewayState>> for Editor {
    type Rejection = AdminFailure;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<GatewayState>) -> Result<Self, AdminFailure> {
        identified(parts, state, Role::Editor).map(|(name, _)| Self(name))
    }
}

impl FromRequestParts<Arc<GatewayState>> for Administrator {
    type Rejection = AdminFailure;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<GatewayState>) -> Result<Self, AdminFailure> {
        identified(parts, state, Role::Administrator).map(|(name, _)| Self(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::TokenSettings;

    fn settings(sha256: &str) -> AdminSettings {
        let token = TokenSettings { name: "ada".into(), sha256: sha256.into(), role: Role::Viewer };
        AdminSettings { tokens: vec![token] }
    }

    #[test]
    fn a_hash_that_is_none_is_refused_by_its_owner() {
        for bad in ["", "abc", &"g".repeat(64), &"é".repeat(32), &"+1".repeat(32)] {
            let error = Tokens::new(settings(bad)).err().map(|error| error.message).unwrap_or_default();
            assert!(error.contains("'ada'"), "{bad:?}: {error}");
        }
        assert!(Tokens::new(settings(&"aB".repeat(32))).is_ok());
    }

    #[test]
    fn only_a_bearer_token_counts() {
        assert_eq!(bearer("Bearer x"), Some("x"));
        assert_eq!(bearer("bearer  x "), Some("x"));
        for none in ["x", "Basic x", "Bearer", "Bearer "] {
            assert_eq!(bearer(none), None, "{none:?}");
        }
    }
}
