"""The actions of the pack."""

from dataclasses import dataclass
from typing import Annotated

import petrel


@dataclass
class Greeting:
    text: Annotated[str, "What is said."]


@petrel.action(description="Greets somebody.", idempotent=True)
def greet(name: Annotated[str, "Whom to greet."], times: Annotated[int, "How often."] = 1) -> Greeting:
    if not name:
        raise petrel.Error(
            "there is nobody to greet", kind="invalid-input", code="hello_python.nobody", hint="give a name"
        )
    petrel.log(f"greeting {name}")
    return Greeting(" ".join([f"Hello, {name}!"] * times))


@dataclass
class Count:
    count: int


@petrel.action(description="Adds to a number that outlasts the call.")
def count(key: Annotated[str, "Where the number is."], by: Annotated[int, "How much."] = 1) -> Count:
    keys = petrel.kv()
    while True:
        entry = keys.get(key)
        try:
            total = int(entry.value if entry else 0) + by
        except ValueError:
            raise petrel.Error(f"the key {key} has no number that could be added to") from None
        try:
            keys.cas(key, entry, str(total))
            return Count(total)
        except petrel.Error as error:
            # Somebody else was faster.
            if error.kind != "conflict":
                raise


@dataclass
class Announcement:
    announced: str


@petrel.action(description="Emits an event.")
def announce(text: Annotated[str, "What is announced."]) -> Announcement:
    petrel.emit("announced", {"text": text})
    return Announcement(text)


@dataclass
class Page:
    status: int
    body: str


@petrel.action(description="Gets what is at an address.", idempotent=True)
def fetch(url: Annotated[str, "The address."]) -> Page:
    answer = petrel.fetch(url)
    return Page(answer.status, answer.text)


@petrel.action(description="Never ends.")
def spin() -> None:
    while True:
        pass
