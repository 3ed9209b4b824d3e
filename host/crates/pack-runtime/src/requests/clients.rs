//! The clients that send requests of components, and the addresses that they may reach.

use std::error::Error;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use petrel_model::private_network::is_in_private_network;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;

use super::stand_in::StandIn;

/// Longest time until a connection is made.
const CONNECT: Duration = Duration::from_secs(10);
/// Longest silence within an answer.
const SILENCE: Duration = Duration::from_mins(5);

/// The clients of the host. Each is made on first use, since reading the machine's certificates takes time.
#[derive(Debug, Default)]
pub(crate) struct Clients {
    public: OnceLock<Result<reqwest::Client, String>>,
    any: OnceLock<Result<reqwest::Client, String>>,
    /// What answers in the place of the network, if anything does.
    pub(super) stand_in: Option<Arc<dyn StandIn>>,
}

impl Clients {
    /// Clients whose place `stand_in` takes, if there is one.
    pub(crate) fn with_stand_in(stand_in: Option<Arc<dyn StandIn>>) -> Self {
        Self { stand_in, ..Self::default() }
    }

    /// The client that reaches any address, or only public ones.
    pub(crate) fn client(&self, reaches_private: bool) -> Result<reqwest::Client, String> {
        if reaches_private {
            self.any.get_or_init(|| made(reqwest::Client::builder())).clone()
        } else {
            self.public.get_or_init(|| made(reqwest::Client::builder().dns_resolver(PublicOnly))).clone()
        }
    }
}

fn made(builder: reqwest::ClientBuilder) -> Result<reqwest::Client, String> {
    // An error means that a provider is already installed, which is as good.
    drop(rustls::crypto::ring::default_provider().install_default());
    builder
        .redirect(Policy::none())
        // A proxy would resolve names on its own.
        .no_proxy()
        .connect_timeout(CONNECT)
        .read_timeout(SILENCE)
        .build()
        .map_err(|error| format!("no request can be made: {error}"))
}

/// Resolves names to public addresses alone.
struct PublicOnly;

/// A name that leads to private addresses alone.
#[derive(Debug, thiserror::Error)]
#[error("{0} leads to private addresses only")]
struct NotPublic(String);

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let public: Vec<_> = found.filter(|address| !is_in_private_network(address.ip())).collect();
            if public.is_empty() {
                return Err(NotPublic(name.as_str().to_owned()).into());
            }
            Ok::<Addrs, Box<dyn Error + Send + Sync>>(Box::new(public.into_iter()))
        })
    }
}

/// Whether a request failed because the name of its host leads into a private network.
pub(super) fn is_private(error: &reqwest::Error) -> bool {
    let mut cause = error.source();
    while let Some(error) = cause {
        if error.is::<NotPublic>() {
            return true;
        }
        cause = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_name_that_leads_into_a_private_network_is_not_resolved() {
        let Err(told) = PublicOnly.resolve("localhost".parse().unwrap()).await else {
            panic!("it was resolved")
        };
        assert!(told.is::<NotPublic>(), "{told}");
    }
}
