//! What the client believes, and whom: small servers that lie.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::*;

/// How a server answers.
#[derive(Debug, Clone, Copy)]
enum Answer {
    /// With these bytes.
    Bytes(&'static str),
    /// With a head and a body without end.
    Endless(&'static str),
    /// With a head and a byte now and then.
    Drip(&'static str),
    /// Not at all.
    Nothing,
}

use Answer::{Bytes, Drip, Endless, Nothing};

/// A server that answers every request like this; where it is.
async fn server(answer: Answer) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(hold(stream, answer));
        }
    });
    url
}

async fn hold(mut stream: TcpStream, answer: Answer) {
    let (mut head, mut buffer) = (Vec::new(), [0; 4096]);
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut buffer).await {
            Ok(count @ 1..) => head.extend_from_slice(&buffer[..count]),
            _ => return,
        }
    }
    match answer {
        Bytes(bytes) => drop(stream.write_all(bytes.as_bytes()).await),
        Endless(head) => {
            drop(stream.write_all(head.as_bytes()).await);
            while stream.write_all(&vec![b' '; 64 * 1024]).await.is_ok() {}
        }
        Drip(head) => {
            drop(stream.write_all(head.as_bytes()).await);
            while stream.write_all(b" ").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        Nothing => tokio::time::sleep(Duration::from_secs(60)).await,
    }
    drop(stream.shutdown().await);
    // What is not read yet would end the connection before its answer has arrived.
    while let Ok(1..) = stream.read(&mut buffer).await {}
}

/// A client with little patience.
fn client(url: &str) -> Client {
    let bounds = Bounds {
        connecting: Duration::from_secs(5),
        silence: Duration::from_millis(500),
        answer: Duration::from_millis(1500),
        bytes: 1 << 20,
    };
    let connection =
        Connection { url: Some(url.to_owned()), token: Some("secret".into()), api_key: None, ca_file: None };
    Client::with(&connection, bounds).unwrap()
}

/// The head of an answer that closes the connection, from a Petrel, of this kind.
macro_rules! petrel {
    ($status:literal, $kind:literal, $body:literal) => {
        Bytes(concat!(
            "HTTP/1.1 ",
            $status,
            "\r\nConnection: close\r\nPetrel-Version: 0.1.0\r\nContent-Type: ",
            $kind,
            "\r\n\r\n",
            $body
        ))
    };
}

const PAGE: Answer = Bytes(
    "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: text/html\r\n\r\n<html>Please sign in</html>",
);
const OTHER_API: Answer = Bytes(
    "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: application/json\r\n\r\n{\"id\": \"1\", \"status\": \"running\"}",
);
const ELSEWHERE: Answer = Bytes(
    "HTTP/1.1 307 Temporary Redirect\r\nConnection: close\r\nPetrel-Version: 0.1.0\r\nLocation: /api/v1/rules\r\nContent-Length: 0\r\n\r\n",
);
const EMPTY: Answer = Bytes("HTTP/1.1 204 No Content\r\nConnection: close\r\nPetrel-Version: 0.1.0\r\n\r\n");
const HEAD: &str =
    "HTTP/1.1 200 OK\r\nConnection: close\r\nPetrel-Version: 0.1.0\r\nContent-Type: application/json\r\n\r\n";

/// Asks for one thing, a listing, an execution, a text, and has something deleted; what is refused, in this order.
async fn asked(answer: Answer) -> [Option<Failure>; 5] {
    let client = client(&server(answer).await);
    [
        client.get("/rules/a.b").await.err(),
        client.list("/rules").await.err(),
        client.state_of("1", "wait=1").await.err(),
        client.get_text("/executions/1/output").await.err(),
        client.delete("/rules/a.b").await.err(),
    ]
}

#[tokio::test]
async fn only_a_petrel_is_believed_and_only_what_was_asked_for() {
    const ALL: [bool; 5] = [true; 5];
    for (answer, refused) in [
        (PAGE, ALL),
        (OTHER_API, ALL),
        (ELSEWHERE, ALL),
        (EMPTY, [true, true, true, true, false]),
        (petrel!("200 OK", "text/html", "<html></html>"), ALL),
        (petrel!("200 OK", "application/json", "{\"a\": "), ALL),
        (petrel!("200 OK", "application/json", "[]"), [true, false, true, true, true]),
        (petrel!("200 OK", "application/json", "{}"), [false, true, true, true, false]),
        (
            petrel!("200 OK", "application/json; charset=utf-8", "{\"id\": \"1\"}"),
            [false, true, true, true, false],
        ),
        (
            petrel!("200 OK", "application/json", "{\"id\": \"1\", \"status\": \"odd\"}"),
            [false, true, true, true, false],
        ),
        (
            petrel!("200 OK", "application/json", "{\"id\": \"2\", \"status\": \"running\"}"),
            [false, true, true, true, false],
        ),
        (
            petrel!("200 OK", "application/json", "{\"id\": \"1\", \"status\": \"running\"}"),
            [false, true, false, true, false],
        ),
        (petrel!("200 OK", "text/plain; charset=utf-8", "line\n"), [true, true, true, false, true]),
    ] {
        let failures = asked(answer).await;
        assert_eq!(failures.each_ref().map(Option::is_some), refused, "{answer:?}: {failures:#?}");
        for failure in failures.iter().flatten() {
            let is_said = failure.message.starts_with("what answers at http://127.0.0.1:")
                && failure.message.contains("is not Petrel");
            assert!(is_said && failure.code == Code::Server, "{answer:?}: {failure:#?}");
            assert!(!failure.hint.is_empty(), "{failure:#?}");
        }
    }
}

#[tokio::test]
async fn what_a_petrel_refuses_is_passed_on() {
    let answer = petrel!(
        "404 Not Found",
        "application/json",
        "{\"faultstring\": \"no such rule\", \"code\": \"not_found\", \"hint\": \"look again\"}"
    );
    for failure in asked(answer).await {
        let failure = failure.unwrap();
        assert_eq!(
            (failure.code, failure.message.as_str(), failure.hint.as_str()),
            (Code::NotFound, "no such rule", "look again")
        );
    }
    let page =
        Bytes("HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Type: text/html\r\n\r\n<html></html>");
    for failure in asked(page).await {
        assert_eq!(failure.unwrap().code, Code::Server);
    }
}

#[tokio::test]
async fn an_answer_has_an_end() {
    for (answer, kind) in [
        (Endless(HEAD), "too_large"),
        (Drip(HEAD), "too_slow"),
        (Nothing, "too_slow"),
        (Bytes(""), UNREACHABLE),
    ] {
        let client = client(&server(answer).await);
        let asked = tokio::time::timeout(Duration::from_secs(30), client.get("/rules/a.b")).await;
        let failure = asked.unwrap().unwrap_err();
        assert_eq!((failure.kind.as_str(), failure.code), (kind, Code::Server), "{answer:?}: {failure}");
    }
}

#[tokio::test]
async fn a_host_that_speaks_plain_http_is_told_from_none() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            drop(stream.read(&mut [0; 4096]).await);
            drop(stream.write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n").await);
        }
    });
    let failure = client(&url).get("/rules/a.b").await.unwrap_err();
    assert_eq!(failure.kind, UNREACHABLE, "{failure}");
    assert!(failure.hint.contains("write http://"), "{failure}");
}

#[tokio::test]
async fn a_token_goes_to_nobody_else() {
    let thief = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let place = format!(
        "HTTP/1.1 308 Permanent Redirect\r\nConnection: close\r\nLocation: http://{}/\r\nContent-Length: 0\r\n\r\n",
        thief.local_addr().unwrap()
    );
    let failures = asked(Bytes(place.leak())).await;
    assert!(
        failures.iter().flatten().all(|failure| failure.message.contains("it sends elsewhere")),
        "{failures:#?}"
    );
    let signed_in = client(&server(PAGE).await).sign_in("admin", "password", None).await;
    assert!(signed_in.unwrap_err().message.contains("is not Petrel"));
    let came = tokio::time::timeout(Duration::from_millis(100), thief.accept()).await;
    assert!(came.is_err(), "somebody followed");
}

#[tokio::test]
async fn a_login_without_a_token_is_none() {
    for answer in [
        petrel!("201 Created", "application/json", "{}"),
        petrel!("201 Created", "application/json", "{\"token\": \"\"}"),
        petrel!("201 Created", "application/json", "{\"token\": 5}"),
    ] {
        let failure = client(&server(answer).await).sign_in("admin", "password", None).await.unwrap_err();
        assert!(failure.message.contains("a token was asked for"), "{failure}");
    }
}

#[tokio::test]
async fn a_page_is_no_backup() {
    for answer in [PAGE, petrel!("200 OK", "text/html", "<html></html>")] {
        let mut taken = 0;
        let client = client(&server(answer).await);
        let failure = client.download("/backup", |part| {
            taken += part.len();
            Ok(())
        });
        assert!(failure.await.unwrap_err().message.contains("is not Petrel"));
        assert_eq!(taken, 0);
    }
}
