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
            "there is nobody to greet", kind="invalid-input", code="greetings.nobody", hint="give a name"
        )
    petrel.log(f"greeting {name}")
    return Greeting(" ".join([f"Hello, {name}!"] * times))
