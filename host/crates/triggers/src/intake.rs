//! The memory of requests while they are accepted. The reader of a request claims memory before it reads the
//! request, and more before it parses it; the claim ends with the request. So memory is bounded however many
//! clients send whatever they like. No address takes all of it.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::service::Triggers;
use petrel_engine_core::Error;

/// The unit of accounting, in bytes.
const UNIT: usize = 1024;

/// The memory that requests share.
#[derive(Debug)]
pub(crate) struct Intake {
    room: Arc<Semaphore>,
    /// In bytes.
    limit: usize,
    addresses: Arc<Addresses>,
}

impl Intake {
    /// A budget of `limit` bytes.
    pub(crate) fn new(limit: usize) -> Self {
        let room = Arc::new(Semaphore::new(units(limit) as usize));
        Self { room, limit, addresses: Arc::default() }
    }

    fn claim(&self, bytes: usize, address: Option<IpAddr>) -> Result<Claim, Error> {
        // Nothing yet: what is claimed counts for the address, too, and so goes through `grow`.
        let permit = take(&self.room, 0, 0, self.limit)?;
        let of = address.map(|address| (Arc::clone(&self.addresses), address));
        let mut claim = Claim { permit, limit: self.limit, of };
        claim.grow(bytes)?;
        Ok(claim)
    }
}

/// The claims of each address, in units.
#[derive(Debug, Default)]
struct Addresses(Mutex<HashMap<IpAddr, usize>>);

impl Addresses {
    /// Counts `more` units for `address`; `false` if it would have more than three quarters of `limit` bytes.
    fn add(&self, address: IpAddr, more: usize, limit: usize) -> bool {
        let share = units(limit - limit / 4) as usize;
        let mut all = self.0.lock();
        let held = all.get(&address).copied().unwrap_or(0);
        let with = held.saturating_add(more);
        // A single request may take the whole share of its address, however large it is.
        let has_room = more == 0 || held == 0 || with <= share;
        if has_room && with > 0 {
            all.insert(address, with);
        }
        has_room
    }

    /// Forgets an address without claims.
    fn give_back(&self, address: IpAddr, units: usize) {
        let mut all = self.0.lock();
        let left = all.get(&address).copied().unwrap_or(0).saturating_sub(units);
        if left == 0 {
            all.remove(&address);
        } else {
            all.insert(address, left);
        }
    }
}

/// A claim on memory, released on drop.
#[derive(Debug)]
pub struct Claim {
    permit: OwnedSemaphorePermit,
    limit: usize,
    /// The address of the sender, if it counts.
    of: Option<(Arc<Addresses>, IpAddr)>,
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.tell_given_back(self.permit.num_permits());
    }
}

impl Claim {
    /// Claims `bytes` more.
    ///
    /// # Errors
    /// As [`Triggers::claim`](crate::Triggers::claim). The earlier claim stays.
    pub fn grow(&mut self, bytes: usize) -> Result<(), Error> {
        let whole = self.bytes().saturating_add(bytes);
        let more = take(self.permit.semaphore(), bytes, whole, self.limit)?;
        if let Some((addresses, address)) = &self.of
            && !addresses.add(*address, more.num_permits(), self.limit)
        {
            return Err(Error::Busy(format!(
                "requests from {address} that take {} MiB of memory are under way, and that is the share of one address \
                 (three quarters of server.max_in_flight_mib)",
                (self.limit - self.limit / 4) >> 20
            )));
        }
        self.permit.merge(more);
        Ok(())
    }

    fn tell_given_back(&self, units: usize) {
        if let Some((addresses, address)) = &self.of {
            addresses.give_back(*address, units);
        }
    }

    /// Releases all but `bytes`.
    pub fn shrink_to(&mut self, bytes: usize) {
        let surplus = self.permit.num_permits().saturating_sub(units(bytes) as usize);
        drop(self.permit.split(surplus));
        self.tell_given_back(surplus);
    }

    /// The size of the claim in bytes, rounded up.
    pub fn bytes(&self) -> usize {
        self.permit.num_permits().saturating_mul(UNIT)
    }
}

impl Triggers {
    /// Claims `bytes` for a request.
    ///
    /// # Errors
    /// [`Error::TooLarge`] when requests never have so much memory, [`Error::Busy`] when too little is left
    /// at present.
    pub fn claim(&self, bytes: usize) -> Result<Claim, Error> {
        self.intake().claim(bytes, None)
    }

    /// As [`Triggers::claim`](crate::Triggers::claim), for a request from `address`, which has its share.
    ///
    /// # Errors
    /// As [`Triggers::claim`](crate::Triggers::claim), and [`Error::Busy`] when other requests from there take too much.
    pub fn claim_for(&self, bytes: usize, address: Option<IpAddr>) -> Result<Claim, Error> {
        self.intake().claim(bytes, address)
    }
}

fn units(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX)
}

/// Claims `bytes`, after which the request has `whole` bytes.
fn take(
    room: &Arc<Semaphore>,
    bytes: usize,
    whole: usize,
    limit: usize,
) -> Result<OwnedSemaphorePermit, Error> {
    let shown = limit >> 20;
    if whole > limit {
        return Err(Error::TooLarge {
            message: format!(
                "the request takes {} MiB of memory, and all requests together may take {shown} MiB (server.max_in_flight_mib)",
                whole >> 20
            ),
            hint: "send less at once, let rules read less of it, or raise server.max_in_flight_mib".into(),
        });
    }
    Arc::clone(room).try_acquire_many_owned(units(bytes)).map_err(|_no_permits| {
        Error::Busy(format!(
            "requests that take {shown} MiB of memory are under way, and that is the limit (server.max_in_flight_mib)"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1 << 20;

    #[test]
    fn what_is_claimed_is_missing_until_it_is_given_back() {
        let intake = Intake::new(10 * MIB);
        let mut claim = intake.claim(4 * MIB, None).unwrap();
        claim.grow(3 * MIB).unwrap();
        assert_eq!(claim.bytes(), 7 * MIB);
        assert_eq!(intake.claim(4 * MIB, None).unwrap_err().code(), "busy");
        assert_eq!(claim.grow(4 * MIB).unwrap_err().code(), "too_large");
        let other = intake.claim(3 * MIB, None).unwrap();
        claim.shrink_to(2 * MIB);
        assert_eq!((claim.bytes(), intake.claim(5 * MIB, None).unwrap().bytes()), (2 * MIB, 5 * MIB));
        claim.shrink_to(3 * MIB);
        assert_eq!(claim.bytes(), 2 * MIB);
        drop((claim, other));
        assert_eq!(intake.claim(10 * MIB, None).unwrap().bytes(), 10 * MIB);
        assert_eq!(intake.claim(11 * MIB, None).unwrap_err().code(), "too_large");
    }

    #[test]
    fn no_address_takes_all() {
        let intake = Intake::new(16 * MIB);
        let [one, other] = [1, 2].map(|last| Some(IpAddr::from([192, 0, 2, last])));
        let mut claim = intake.claim(8 * MIB, one).unwrap();
        assert!(intake.claim(5 * MIB, one).unwrap_err().to_string().contains("192.0.2.1"));
        assert_eq!(claim.grow(5 * MIB).unwrap_err().code(), "busy");
        claim.grow(4 * MIB).unwrap();
        drop(intake.claim(4 * MIB, other).unwrap());
        claim.shrink_to(2 * MIB);
        drop(intake.claim(10 * MIB, one).unwrap());
        drop(claim);
        assert!(intake.addresses.0.lock().is_empty());
        drop(intake.claim(16 * MIB, one).unwrap());
        assert_eq!(intake.room.available_permits(), 16 << 10);
    }
}
