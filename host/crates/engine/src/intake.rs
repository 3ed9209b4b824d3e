//! Room in memory for what is being taken in. Whoever reads a request claims what it takes before it is read, and
//! more before it is parsed; the claim ends with the request. So however many send, and whatever they send, memory
//! has a bound.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::Error;
use crate::service::Engine;

/// What is counted, in bytes.
const UNIT: usize = 1024;

/// Room in memory for requests.
#[derive(Debug)]
pub(crate) struct Intake {
    room: Arc<Semaphore>,
    /// In bytes.
    limit: usize,
}

impl Intake {
    /// Room for `limit` bytes.
    pub(crate) fn new(limit: usize) -> Self {
        Self { room: Arc::new(Semaphore::new(units(limit) as usize)), limit }
    }

    fn claim(&self, bytes: usize) -> Result<Claim, Error> {
        let permit = take(&self.room, bytes, bytes, self.limit)?;
        Ok(Claim { permit, limit: self.limit })
    }
}

/// Room that is taken until this is dropped.
#[derive(Debug)]
pub struct Claim {
    permit: OwnedSemaphorePermit,
    limit: usize,
}

impl Claim {
    /// Takes `bytes` more.
    ///
    /// # Errors
    /// As [`Engine::claim`]. What was taken before stays taken.
    pub fn grow(&mut self, bytes: usize) -> Result<(), Error> {
        let whole = self.bytes().saturating_add(bytes);
        let more = take(self.permit.semaphore(), bytes, whole, self.limit)?;
        self.permit.merge(more);
        Ok(())
    }

    /// Gives back what is beyond `bytes`.
    pub fn shrink_to(&mut self, bytes: usize) {
        let surplus = self.permit.num_permits().saturating_sub(units(bytes) as usize);
        drop(self.permit.split(surplus));
    }

    /// How many bytes it is about, rounded up.
    pub fn bytes(&self) -> usize {
        self.permit.num_permits().saturating_mul(UNIT)
    }
}

impl Engine {
    /// Takes room for `bytes` of a request.
    ///
    /// # Errors
    /// [`Error::TooLarge`] when it is more than there ever is, [`Error::Busy`] when it is more than is left.
    pub fn claim(&self, bytes: usize) -> Result<Claim, Error> {
        self.0.intake.claim(bytes)
    }
}

fn units(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX)
}

/// Takes room for `bytes`, with which a request has `whole` bytes.
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
        let mut claim = intake.claim(4 * MIB).unwrap();
        claim.grow(3 * MIB).unwrap();
        assert_eq!(claim.bytes(), 7 * MIB);
        assert_eq!(intake.claim(4 * MIB).unwrap_err().code(), "busy");
        assert_eq!(claim.grow(4 * MIB).unwrap_err().code(), "too_large");
        let other = intake.claim(3 * MIB).unwrap();
        claim.shrink_to(2 * MIB);
        assert_eq!((claim.bytes(), intake.claim(5 * MIB).unwrap().bytes()), (2 * MIB, 5 * MIB));
        claim.shrink_to(3 * MIB);
        assert_eq!(claim.bytes(), 2 * MIB);
        drop((claim, other));
        assert_eq!(intake.claim(10 * MIB).unwrap().bytes(), 10 * MIB);
        assert_eq!(intake.claim(11 * MIB).unwrap_err().code(), "too_large");
    }
}
