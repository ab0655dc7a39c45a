//! How this program asks others over HTTP: through the proxy in use, no further than it was sent, and not for ever.

use super::proxy;
use std::time::Duration;
use ureq::Agent;
use ureq::config::ConfigBuilder;
use ureq::typestate::AgentScope;

/// The settings of a client whose requests take `whole` at the longest. An answer that says no is an answer, and nobody is followed elsewhere.
pub fn client(whole: Duration) -> ConfigBuilder<AgentScope> {
    Agent::config_builder()
        .proxy(proxy::current())
        .timeout_global(Some(whole))
        .max_redirects(0)
        .http_status_as_error(false)
        .user_agent(concat!("teilhabe/", env!("CARGO_PKG_VERSION")))
}
