//! Both sides of a connection, within one process.

use std::net::{IpAddr, Ipv4Addr};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::super::doors::{Doors, Limits, Place};
use super::*;

/// No test takes so long.
const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(50);

fn place() -> Place {
    let limits = Limits { all: 1, per_address: 1 };
    Arc::new(Doors::new(limits, CancellationToken::new())).enter(IpAddr::V4(Ipv4Addr::LOCALHOST))
}

/// The two ends of a connection.
async fn connected() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let theirs = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (ours, _) = listener.accept().await.unwrap();
    (ours, theirs)
}

#[tokio::test]
async fn who_reads_nothing_is_given_up() {
    let place = place();
    let (ours, mut theirs) = connected().await;
    let patience = Patience { unread: SHORT, half_closed: LONG };
    let mut stream = Patient::new(ours, patience, Arc::clone(&place.seat));
    let part = vec![1; 64 << 10];
    let mut sent = 0;
    // What the kernel keeps for both sides has an end.
    let error = loop {
        match stream.write(&part).await {
            Ok(count) => sent += count,
            Err(error) => break error,
        }
        assert!(sent < 1 << 30, "all of it was taken, and nobody has read");
    };
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    let mut read = vec![0; sent];
    theirs.read_exact(&mut read).await.unwrap();
    stream.write_all(&[3; 16]).await.unwrap();
}

/// Looks at the stream again and again until that fails, as one does who holds the connection.
async fn watched(stream: &mut Patient<TcpStream>) -> io::Error {
    std::future::poll_fn(|context| match Pin::new(&mut *stream).poll_flush(context) {
        Poll::Ready(Err(error)) => Poll::Ready(error),
        _ => Poll::Pending,
    })
    .await
}

#[tokio::test]
async fn who_has_ended_its_half_is_waited_for_and_then_given_up() {
    let place = place();
    let (ours, mut theirs) = connected().await;
    let patience = Patience { unread: LONG, half_closed: SHORT };
    let mut stream = Patient::new(ours, patience, Arc::clone(&place.seat));
    place.seat.begin_request();
    assert!(tokio::time::timeout(2 * SHORT, watched(&mut stream)).await.is_err(), "it has ended nothing");
    theirs.shutdown().await.unwrap();
    // Who still waits gets its answer.
    stream.flush().await.unwrap();
    stream.write_all(b"answer").await.unwrap();
    place.seat.end_request();
    stream.flush().await.unwrap();
    let mut answer = [0; 6];
    theirs.read_exact(&mut answer).await.unwrap();
    // The next one on the same connection takes too long.
    place.seat.begin_request();
    let error = tokio::time::timeout(LONG, watched(&mut stream)).await.unwrap();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionAborted);
}

#[tokio::test]
async fn what_has_come_is_still_there_to_be_read() {
    let place = place();
    let (ours, mut theirs) = connected().await;
    let patience = Patience { unread: LONG, half_closed: SHORT };
    let mut stream = Patient::new(ours, patience, Arc::clone(&place.seat));
    place.seat.begin_request();
    theirs.write_all(b"next").await.unwrap();
    theirs.shutdown().await.unwrap();
    assert!(tokio::time::timeout(2 * SHORT, watched(&mut stream)).await.is_err(), "more was sent");
    let mut read = Vec::new();
    stream.read_to_end(&mut read).await.unwrap();
    assert_eq!(read, b"next");
}
