//! A server of HTTP for the tests: one answer for every request, and a list of the requests.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// A server on the loopback address.
pub(crate) struct Server {
    port: u16,
    requests: Arc<Mutex<Vec<String>>>,
    /// The whole texts of these.
    texts: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Starts a server that answers everything with `body`, and `/moved` with a redirect.
    pub(crate) async fn start(body: &'static str) -> Self {
        Self::begin(body, "/elsewhere".to_owned()).await
    }

    /// Starts a server whose `/moved` leads to this address.
    pub(crate) async fn leading_to(address: String) -> Self {
        Self::begin("moved", address).await
    }

    async fn begin(body: &'static str, leads_to: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::<Mutex<Vec<String>>>::default();
        let texts = Arc::<Mutex<Vec<String>>>::default();
        let seen = (Arc::clone(&requests), Arc::clone(&texts));
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                tokio::spawn(answer(connection, (body, leads_to.clone()), seen.clone()));
            }
        });
        Self { port, requests, texts }
    }

    /// The address of a path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// The first lines of the requests so far.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    /// The whole texts of the requests so far.
    pub(crate) fn texts(&self) -> Vec<String> {
        self.texts.lock().unwrap().clone()
    }

    /// The whole text of the last request.
    pub(crate) fn last(&self) -> String {
        self.texts.lock().unwrap().last().cloned().unwrap_or_default()
    }
}

type Lines = Arc<Mutex<Vec<String>>>;

async fn answer(
    connection: TcpStream,
    (body, leads_to): (&'static str, String),
    (seen, texts): (Lines, Lines),
) {
    let mut connection = BufReader::new(connection);
    let (mut first, mut length, mut whole) = (String::new(), 0, String::new());
    loop {
        let mut line = String::new();
        if connection.read_line(&mut line).await.unwrap_or(0) == 0 {
            return;
        }
        whole.push_str(&line);
        let line = line.trim_end();
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap();
        }
        if line.is_empty() {
            break;
        }
        if first.is_empty() {
            line.clone_into(&mut first);
        }
    }
    let mut sent = vec![0; length];
    connection.read_exact(&mut sent).await.unwrap();
    whole.push_str(&String::from_utf8_lossy(&sent));
    texts.lock().unwrap().push(whole);
    let is_moved = first.contains(" /moved");
    seen.lock().unwrap().push(first);
    let status = if is_moved { format!("302 Found\r\nlocation: {leads_to}") } else { "200 OK".to_owned() };
    let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
    let whole = [head.as_bytes(), body.as_bytes()].concat();
    connection.write_all(&whole).await.unwrap();
}
