//! The limits on connections, in all and from one address, and the choice of the one that has to go when there are
//! too many.
//!
//! Each new connection takes a seat. When its address has its share, or all seats are taken, the connection that has
//! been idle for the longest goes, strangers first; so a peer that only keeps connections open keeps nobody out. When
//! no connection is idle there is a small reserve, in which only the health of the host can be asked.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

/// The number of seats in the reserve. A new connection takes the place of the oldest.
const RESERVE: usize = 64;

/// The age up to which a connection counts as new.
const FRESH: Duration = Duration::from_secs(1);

/// The limits on the number of connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Limit on all connections together.
    pub all: usize,
    /// Limit for one address. Of an IPv6 address the first 64 bits count.
    pub per_address: usize,
}

/// The connections of a host.
#[derive(Debug)]
pub(super) struct Doors {
    limits: Limits,
    opened_at: Instant,
    /// Fires when all connections have to go.
    hang_up: CancellationToken,
    inside: Mutex<Inside>,
}

#[derive(Debug, Default)]
struct Inside {
    last_number: u64,
    seats: BTreeMap<u64, Arc<Seat>>,
    by_address: HashMap<IpAddr, usize>,
    reserve: VecDeque<Arc<Seat>>,
}

/// A connection, as the count of connections knows it.
#[derive(Debug)]
pub(crate) struct Seat {
    number: u64,
    address: IpAddr,
    /// The reason why the connection is in the reserve, if it is.
    refusal: Option<String>,
    opened_at: Instant,
    has_signed_in: AtomicBool,
    is_busy: AtomicBool,
    /// The end of the last request, in milliseconds since the doors opened.
    idle_since: AtomicU64,
    /// Fires when this connection has to go, alone or with all others.
    pub(super) must_go: CancellationToken,
}

impl Seat {
    /// Notes that a request on the connection has been authenticated.
    pub(crate) fn sign_in(&self) {
        self.has_signed_in.store(true, Ordering::Relaxed);
    }

    pub(super) fn has_signed_in(&self) -> bool {
        self.has_signed_in.load(Ordering::Relaxed)
    }

    /// The reason why only the health of the host can be asked on this connection, if it is in the reserve.
    pub(super) fn refusal(&self) -> Option<&str> {
        self.refusal.as_deref()
    }

    pub(super) fn begin_request(&self) {
        self.is_busy.store(true, Ordering::Relaxed);
    }

    /// Whether a request is being answered on the connection.
    pub(super) fn is_busy(&self) -> bool {
        self.is_busy.load(Ordering::Relaxed)
    }

    pub(super) fn end_request(&self) {
        self.idle_since.store(millis(self.opened_at.elapsed()), Ordering::Relaxed);
        self.is_busy.store(false, Ordering::Relaxed);
    }

    /// The time since the last request; zero while one is being answered.
    pub(super) fn idle(&self) -> Duration {
        if self.is_busy() {
            return Duration::ZERO;
        }
        let since = Duration::from_millis(self.idle_since.load(Ordering::Relaxed));
        self.opened_at.elapsed().saturating_sub(since)
    }
}

/// A seat, given back on drop.
#[derive(Debug)]
pub(super) struct Place {
    doors: Arc<Doors>,
    pub(super) seat: Arc<Seat>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut inside = self.doors.inside();
        if self.seat.refusal.is_none() {
            inside.take_out(self.seat.number);
        } else {
            inside.reserve.retain(|seat| seat.number != self.seat.number);
        }
    }
}

impl Doors {
    /// Admits connections up to `limits`, until `hang_up` fires.
    pub(super) fn new(limits: Limits, hang_up: CancellationToken) -> Self {
        Self { limits, opened_at: Instant::now(), hang_up, inside: Mutex::default() }
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Admits a connection from `address`.
    pub(super) fn enter(self: &Arc<Self>, address: IpAddr) -> Place {
        let address = share(address);
        let mut inside = self.inside();
        let refusal = self.make_room(&mut inside, address).err();
        // Numbers are never used again, so that a late drop cannot free another connection's seat.
        inside.last_number += 1;
        let seat = Arc::new(Seat {
            number: inside.last_number,
            address,
            refusal,
            opened_at: self.opened_at,
            has_signed_in: AtomicBool::new(false),
            is_busy: AtomicBool::new(false),
            idle_since: AtomicU64::new(millis(self.opened_at.elapsed())),
            must_go: self.hang_up.child_token(),
        });
        if seat.refusal.is_none() {
            *inside.by_address.entry(address).or_default() += 1;
            inside.seats.insert(seat.number, Arc::clone(&seat));
        } else {
            inside.reserve.push_back(Arc::clone(&seat));
            // The reserve is a queue: a flood of new connections pushes the oldest out, and each gets its one answer
            // in time.
            if inside.reserve.len() > RESERVE
                && let Some(oldest) = inside.reserve.pop_front()
            {
                oldest.must_go.cancel();
            }
        }
        drop(inside);
        Place { doors: Arc::clone(self), seat }
    }

    /// Frees a seat for `address` if none is left, or returns the reason why none can be freed.
    fn make_room(&self, inside: &mut Inside, address: IpAddr) -> Result<(), String> {
        let Limits { all, per_address } = self.limits;
        if inside.by_address.get(&address).is_some_and(|count| *count >= per_address) {
            return inside.make_room(|seat| seat.address == address).ok_or_else(|| {
                format!(
                    "{per_address} connections from {address} are busy, and that is the limit (server.max_connections_per_address)"
                )
            });
        }
        if inside.seats.len() >= all {
            return inside.make_room(|_| true).ok_or_else(|| {
                format!("{all} connections are busy, and that is the limit (server.max_connections)")
            });
        }
        Ok(())
    }
}

impl Inside {
    /// Sends away the connection among those that `may_go` which has been idle for the longest, strangers first.
    /// A new connection is about to send its first request, so it goes only if no other can.
    fn make_room(&mut self, may_go: impl Fn(&Seat) -> bool) -> Option<()> {
        let idle = self.seats.values().filter(|seat| may_go(seat) && !seat.is_busy());
        let number = idle
            .min_by_key(|seat| {
                let idle_since = seat.idle_since.load(Ordering::Relaxed);
                // Established connections before fresh ones, strangers before users, and then the longest idle; the
                // number only breaks ties.
                (seat.idle() < FRESH, seat.has_signed_in(), idle_since, seat.number)
            })?
            .number;
        self.take_out(number)?.must_go.cancel();
        Some(())
    }

    fn take_out(&mut self, number: u64) -> Option<Arc<Seat>> {
        let seat = self.seats.remove(&number)?;
        if let Some(count) = self.by_address.get_mut(&seat.address) {
            *count -= 1;
            if *count == 0 {
                self.by_address.remove(&seat.address);
            }
        }
        Some(seat)
    }
}

/// The part of an address that counts as one peer: an IPv6 network of 64 bits is usually one customer.
fn share(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into(),
        address @ IpAddr::V4(_) => address,
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn doors(all: usize, per_address: usize) -> Arc<Doors> {
        Arc::new(Doors::new(Limits { all, per_address }, CancellationToken::new()))
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn has_gone(place: &Place) -> bool {
        place.seat.must_go.is_cancelled()
    }

    #[test]
    fn who_is_idle_makes_room_and_strangers_go_first() {
        let (doors, here) = (doors(10, 3), address("127.0.0.1"));
        let places: Vec<_> = (0..3).map(|_| doors.enter(here)).collect();
        places[0].seat.sign_in();
        places[1].seat.begin_request();
        let fourth = doors.enter(here);
        assert_eq!((fourth.seat.refusal(), has_gone(&places[2])), (None, true));
        fourth.seat.begin_request();
        let fifth = doors.enter(here);
        assert_eq!((fifth.seat.refusal(), has_gone(&places[0]), has_gone(&places[1])), (None, true, false));
        fifth.seat.begin_request();
        let refusal = doors.enter(here).seat.refusal().map(str::to_owned).unwrap();
        assert!(refusal.contains("server.max_connections_per_address"), "{refusal}");
        assert_eq!(doors.enter(address("127.0.0.2")).seat.refusal(), None);
        drop(fourth);
        assert_eq!(doors.enter(here).seat.refusal(), None);
    }

    #[test]
    fn the_reserve_is_for_who_came_last() {
        let doors = doors(1, 1);
        let only = doors.enter(address("10.0.0.1"));
        only.seat.begin_request();
        let late: Vec<_> = (0..=RESERVE).map(|_| doors.enter(address("10.0.0.2"))).collect();
        assert!(late[0].seat.refusal().unwrap().contains("server.max_connections)"));
        assert_eq!(
            late.iter().map(has_gone).collect::<Vec<_>>(),
            [vec![true], vec![false; RESERVE]].concat()
        );
        drop((only, late));
        let inside = doors.inside();
        assert!(inside.seats.is_empty() && inside.by_address.is_empty() && inside.reserve.is_empty());
    }

    #[test]
    fn a_network_of_64_bits_is_one_address() {
        for (one, other, is_one) in [
            ("2001:db8::1", "2001:db8::2:0:0:1", true),
            ("2001:db8::1", "2001:db8:0:1::1", false),
            ("::ffff:10.0.0.1", "10.0.0.1", true),
            ("10.0.0.1", "10.0.0.2", false),
        ] {
            assert_eq!(share(address(one)) == share(address(other)), is_one, "{one} {other}");
        }
    }
}
