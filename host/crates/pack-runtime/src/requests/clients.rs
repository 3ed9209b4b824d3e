//! The clients that send requests of components, and the addresses that they may reach.

use std::error::Error;
use std::net::{IpAddr, SocketAddr};
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
            self.public
                .get_or_init(|| made(reqwest::Client::builder().dns_resolver(PublicOnly::asking(Machine))))
                .clone()
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

/// Resolves names to public addresses alone. The client connects to these and asks nobody again, so that an answer which
/// changes meanwhile leads nowhere else.
struct PublicOnly<L> {
    lookup: L,
    is_private: fn(IpAddr) -> bool,
}

impl<L> PublicOnly<L> {
    fn asking(lookup: L) -> Self {
        Self { lookup, is_private: is_in_private_network }
    }
}

/// What says the addresses of a name.
trait Lookup: Clone + Send + Sync + 'static {
    /// The addresses, without a port.
    fn addresses(&self, name: &str) -> impl Future<Output = std::io::Result<Vec<IpAddr>>> + Send;
}

/// The resolver of the machine.
#[derive(Clone)]
struct Machine;

impl Lookup for Machine {
    async fn addresses(&self, name: &str) -> std::io::Result<Vec<IpAddr>> {
        Ok(tokio::net::lookup_host((name, 0)).await?.map(|address| address.ip()).collect())
    }
}

/// A name that leads to private addresses alone.
#[derive(Debug, thiserror::Error)]
#[error("{0} leads to private addresses only")]
struct NotPublic(String);

impl<L: Lookup> Resolve for PublicOnly<L> {
    fn resolve(&self, name: Name) -> Resolving {
        let (lookup, is_private) = (self.lookup.clone(), self.is_private);
        Box::pin(async move {
            let found = lookup.addresses(name.as_str()).await?.into_iter();
            let public = found.filter(|address| !is_private(*address));
            let public: Vec<_> = public.map(|address| SocketAddr::new(address, 0)).collect();
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
    use std::sync::Mutex;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    /// A resolver that answers anew each time, and in the end as the last time.
    #[derive(Clone)]
    struct Changing(Arc<Mutex<Vec<Vec<IpAddr>>>>);

    impl Changing {
        fn answering(answers: &[&[&str]]) -> Self {
            let parsed = |answer: &&[&str]| answer.iter().map(|address| address.parse().unwrap()).collect();
            Self(Arc::new(Mutex::new(answers.iter().rev().map(parsed).collect())))
        }

        fn left(&self) -> usize {
            self.0.lock().unwrap().len()
        }
    }

    impl Lookup for Changing {
        async fn addresses(&self, _name: &str) -> std::io::Result<Vec<IpAddr>> {
            Ok(self.0.lock().unwrap().pop().unwrap())
        }
    }

    async fn resolved<L: Lookup>(resolver: &PublicOnly<L>) -> Result<Vec<String>, String> {
        match resolver.resolve("a.example".parse().unwrap()).await {
            Ok(found) => Ok(found.map(|address| address.ip().to_string()).collect()),
            Err(error) if error.is::<NotPublic>() => Err("not public".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }

    #[tokio::test]
    async fn a_name_that_leads_into_a_private_network_is_not_resolved() {
        let Err(told) = PublicOnly::asking(Machine).resolve("localhost".parse().unwrap()).await else {
            panic!("it was resolved")
        };
        assert!(told.is::<NotPublic>(), "{told}");
    }

    #[tokio::test]
    async fn of_each_answer_public_addresses_alone_are_taken() {
        let answers: [&[&str]; 4] = [
            &["9.9.9.9"],
            &["127.0.0.1", "9.9.9.9", "::1", "10.0.0.1"],
            &["169.254.169.254"],
            &["::ffff:127.0.0.1"],
        ];
        let resolver = PublicOnly::asking(Changing::answering(&answers));
        for expected in [Ok("9.9.9.9"), Ok("9.9.9.9"), Err("not public"), Err("not public")] {
            let expected = expected.map(|one| vec![one.to_owned()]).map_err(str::to_owned);
            assert_eq!(resolved(&resolver).await, expected);
        }
    }

    /// The second address of the machine stands for a public one.
    #[tokio::test]
    async fn an_answer_that_changes_after_the_check_is_not_followed() {
        let private = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = private.local_addr().unwrap().port();
        let public = tokio::net::TcpListener::bind(("127.0.0.2", port)).await.unwrap();
        tokio::spawn(async move {
            let (mut connection, _) = public.accept().await.unwrap();
            let mut some = [0; 64];
            connection.read_exact(&mut some).await.unwrap();
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            connection.write_all(answer).await.unwrap();
        });
        let lookup = Changing::answering(&[&["127.0.0.1", "127.0.0.2"], &["127.0.0.1"]]);
        let is_private = |address: IpAddr| address.to_string() != "127.0.0.2";
        let resolver = PublicOnly { lookup: lookup.clone(), is_private };
        let client = made(reqwest::Client::builder().dns_resolver(resolver)).unwrap();
        let url = format!("http://a.example:{port}/a/path/that/is/long/enough/for/one/read/of/the/request");
        assert_eq!(client.get(&url).send().await.unwrap().status(), 200);
        assert_eq!(lookup.left(), 1, "it is asked once, and what was checked is connected to");
        let refused = client.get(&url).send().await.unwrap_err();
        assert!(super::is_private(&refused), "{refused:?}");
        private.set_nonblocking(true).unwrap();
        private.accept().unwrap_err();
    }
}
