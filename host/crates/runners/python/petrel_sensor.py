"""Runs one sensor of a pack, in a process of its own, for as long as the host lets it.

Standard input is a socket to the host. Both sides write lines of JSON to it; `python_sensors/lines.rs` of the host's
runners describes them. Standard output and standard error belong to the sensor: what it writes there is its log.

The threads below are started, and their locks made, before the file of the sensor is loaded, with functions that were
taken before: a sensor may replace those of the standard library by ones that cooperate (eventlet, gevent).

What a sensor imports (`st2reactor`, `st2common`) is beside this file. Python 3.8 and its standard library are enough.
"""

import atexit
import json
import logging
import os
import signal
import sys
import threading
import time
import traceback
from _thread import allocate_lock, get_ident, start_new_thread
from importlib import util
from itertools import count
from queue import SimpleQueue

from petrel_action import MANY_DIGITS, Unsuitable, natural, plain, remedy
from st2reactor.container.sensor_wrapper import Ending, Refused, SensorService
from st2reactor.sensor import base

# Seconds in which a sensor is told of its first triggers before it runs, and in which it cleans up once its host is gone.
PATIENCE = 10
GRACE = 3
# Libraries that replace functions of the standard library by ones that cooperate.
GREEN = ("eventlet", "gevent")

_kill, _killpg, _read, _sleep, _write = os.kill, os.killpg, os.read, time.sleep, os.write


class Channel:
    """The socket to the host. The sensor and its children get an empty standard input instead."""

    def __init__(self):
        self.number = os.dup(0)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        self.rest = b""
        self.longest = 0
        self.writing, self.writer = allocate_lock(), None
        # By the number of each question: a lock that is held until there is an answer, and that.
        self.waiting, self.numbers = {}, count(1)
        self.is_gone, self.is_stopping, self.stop_later = False, False, False
        # What a child says would be mixed with what the sensor says.
        os.register_at_fork(after_in_child=self.let_go)

    def let_go(self):
        if self.number is not None:
            os.close(self.number)
            self.number = None

    def lines(self):
        """Yields what the host says, until it is gone."""
        while True:
            line, found, rest = self.rest.partition(b"\n")
            if found:
                self.rest = rest
                yield json.loads(line.decode("utf-8"))
                continue
            try:
                part = _read(self.number, 1 << 16)
            except OSError:
                part = b""
            if not part:
                return
            self.rest += part

    def say(self, text):
        """Writes a line. A signal that comes meanwhile counts after it, so that no half of a line is written."""
        if self.number is None:
            raise RuntimeError("only the process of the sensor itself can use sensor_service, and no child of it")
        rest = memoryview(text.encode("utf-8", "replace") + b"\n")
        if len(rest) > self.longest:
            raise Refused("it has %d bytes of JSON, and %d is the limit" % (len(rest), self.longest))
        with self.writing:
            self.writer = get_ident()
            try:
                while rest:
                    rest = rest[_write(self.number, rest) :]
            except OSError:
                self.is_gone = True
            finally:
                self.writer = None
        if self.stop_later and get_ident() == threading.main_thread().ident:
            self.stop_later = False
            raise SystemExit(0)

    def ask(self, verb, given):
        """Returns the answer of the host. `given` is JSON."""
        lock = allocate_lock()
        lock.acquire()
        slot = [lock, None]
        number = next(self.numbers)
        self.waiting[number] = slot
        try:
            self.say('{"id": %d, "%s": %s}' % (number, verb, given))
            if not self.is_gone:
                lock.acquire()
        finally:
            self.waiting.pop(number, None)
        answer = slot[1]
        # What is not stored must not be taken for stored, so these are no refusals, after which a sensor goes on.
        if answer is None:
            raise Ending("the host is gone")
        if answer.get("is_ending"):
            raise Ending(answer["error"])
        if "error" in answer:
            raise Refused(answer["error"])
        return answer.get("result")

    def hear(self, orders, poll_now):
        """Takes what the host says, on a thread of its own."""
        for line in self.lines():
            if "answer" in line:
                slot = self.waiting.get(line["answer"]["id"])
                if slot:
                    slot[1] = line["answer"]
                    slot[0].release()
            elif "triggers" in line:
                orders.put(line["triggers"])
            elif "poll" in line:
                poll_now()
        self.is_gone = True
        for slot in list(self.waiting.values()):
            if slot[1] is None:
                slot[0].release()
        # Nobody supervises the sensor any more.
        _kill(os.getpid(), signal.SIGTERM)
        _sleep(GRACE)
        _killpg(0, signal.SIGKILL)

    def stop(self, _number, _frame):
        """Ends the sensor on SIGTERM, once."""
        if self.is_stopping:
            return
        self.is_stopping = True
        if self.writer == get_ident():
            self.stop_later = True
        else:
            raise SystemExit(0)


class Pause:
    """The pause between two polls, which an operator can end early."""

    def __init__(self, channel):
        self.channel = channel
        self.bell = allocate_lock()
        self.bell.acquire()

    def ring(self):
        if self.bell.locked():
            try:
                self.bell.release()
            except RuntimeError:
                # It was rung twice.
                pass

    def rest(self, seconds):
        self.channel.say('{"polled": true}')
        green = next((sys.modules[name] for name in GREEN if name in sys.modules), None)
        if green:
            # Other tasks of the sensor go on meanwhile, also where `time` is as it was.
            green.sleep(max(seconds, 0))
        else:
            self.bell.acquire(timeout=min(max(seconds, 0), threading.TIMEOUT_MAX))


def main():
    channel = Channel()
    begin = next(channel.lines())["begin"]
    channel.longest = begin["longest_line"]
    logger = begin_log(begin)
    orders, pause = SimpleQueue(), Pause(channel)
    start_new_thread(channel.hear, (orders, pause.ring))
    signal.signal(signal.SIGTERM, channel.stop)
    base.rest = pause.rest
    sys.argv = [begin["file"]]
    sensor, code = None, 0
    try:
        sensor = construct(channel, begin, logger)
        sensor.setup()
        told = allocate_lock()
        told.acquire()
        orders.put({"added": begin["triggers"], "told": told})
        start_new_thread(tell, (sensor, orders, logger))
        if not told.acquire(timeout=PATIENCE):
            logger.warning("add_trigger has not returned for %d seconds; the sensor runs meanwhile", PATIENCE)
        is_polling = getattr(type(sensor), "run", None) is base.PollingSensor.run and not is_green()
        channel.say('{"ready": {"polls": %s}}' % json.dumps(is_polling))
        sensor.run()
        wait_for_threads()
        logger.info("run() has returned")
    except SystemExit as left:
        code = left.code if isinstance(left.code, int) else int(left.code is not None)
        if isinstance(left.code, str):
            sys.stderr.write(left.code + "\n")
    except BaseException as error:
        code = 1
        report(channel, error, begin)
    # From here on the sensor is being ended, whoever asks for it.
    channel.is_stopping = True
    end(sensor, code)


def begin_log(begin):
    """Has what is logged written to standard error. The lines have no time: the host notes it."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(levelname)-8s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    logger = logging.getLogger("st2.SensorWrapper.%s.%s" % (begin["pack"], begin["class_name"]))
    logger.setLevel(logging.DEBUG)
    return logger


def construct(channel, begin, logger):
    """Creates the sensor with the configuration of its pack."""
    import st2common

    st2common.own_pack = (begin["pack"], begin["pack_path"])
    kind = load(begin["file"], begin["class_name"])
    send, ask = services(channel, logger)
    given = {"sensor_service": SensorService(send, ask, begin["pack"], begin["class_name"]), "config": begin["config"]}
    if begin["poll_interval"] is not None and issubclass(kind, base.PollingSensor):
        given["poll_interval"] = begin["poll_interval"]
    return kind(**given)


def services(channel, logger):
    """Returns what sends an event and what uses the datastore."""

    def send(trigger, payload, trace):
        try:
            payload = as_json(payload)
        except (Unsuitable, RecursionError) as error:
            why = str(error) if isinstance(error, Unsuitable) else "it is nested too deep, or in itself"
            logger.warning("an event of %s was not sent: JSON cannot hold its payload: %s", trigger, why)
            return
        trace = None if trace is None else str(trace)
        given = '{"trigger": %s, "trace_tag": %s, "payload": %s}' % (json.dumps(trigger), json.dumps(trace), payload)
        channel.ask("dispatch", given)

    def ask(verb, given):
        return channel.ask(verb, json.dumps(given, ensure_ascii=False))

    return send, ask


def load(file, name):
    """Returns the class of the sensor."""
    folder = os.path.dirname(os.path.realpath(file))
    if folder not in sys.path:
        sys.path.append(folder)
    # A name of its own, since the file may have the name of a module that it imports.
    module_name = "petrel_sensor_of_" + os.path.splitext(os.path.basename(file))[0]
    spec = util.spec_from_file_location(module_name, file)
    module = util.module_from_spec(spec)
    sys.modules[module_name] = module
    spec.loader.exec_module(module)
    kind = getattr(module, name, None)
    if isinstance(kind, type):
        return kind
    others = sorted(key for key, value in vars(module).items() if getattr(value, "__module__", "") == module_name)
    raise ImportError(
        "%s has no class %s, which class_name of its metadata names; it has: %s" % (file, name, ", ".join(others) or "none")
    )


def tell(sensor, orders, logger):
    """Tells the sensor of triggers that come and go, one after the other."""
    while True:
        order = orders.get()
        for method, triggers in (("remove_trigger", order.get("removed", ())), ("add_trigger", order.get("added", ()))):
            for trigger in triggers:
                try:
                    getattr(sensor, method)(trigger)
                except BaseException:
                    # As in StackStorm, the sensor goes on. What ends a thread silently would leave it deaf.
                    logger.exception("%s failed for %s", method, trigger["ref"])
        if "told" in order:
            order["told"].release()


def as_json(payload):
    """Returns a payload as JSON. What JSON has no form for is its text."""
    try:
        text = json.dumps(payload, ensure_ascii=False, allow_nan=False, default=natural_or_text)
        if not MANY_DIGITS.search(text):
            return text
    except (TypeError, ValueError):
        # Examined more closely below.
        pass
    return json.dumps(plain(payload, "payload"), ensure_ascii=False, allow_nan=False)


def natural_or_text(value):
    if isinstance(value, (set, frozenset)):
        return list(value)
    if isinstance(value, (bytes, bytearray)):
        return bytes(value).decode("utf-8", "replace")
    try:
        return natural(value)
    except TypeError:
        return str(value)


def is_green():
    return any(name in sys.modules for name in GREEN)


def wait_for_threads():
    """Waits for the threads that a sensor has left running: as long as one does, so does the sensor."""
    while True:
        own = threading.current_thread()
        others = [thread for thread in threading.enumerate() if thread is not own and not thread.daemon]
        if not others:
            return
        others[0].join()


def report(channel, error, begin):
    """Tells log and host of an exception."""
    # Without the first frame, which is this file's.
    trace = error.__traceback__.tb_next if error.__traceback__ else None
    traceback.print_exception(type(error), error, trace)
    advice = remedy(error, begin["pack"]).strip()
    if advice:
        sys.stderr.write(advice + "\n")
    message = "%s: %s" % (type(error).__name__, error)
    try:
        channel.say('{"failed": %s}' % json.dumps({"message": message[:2000], "hint": advice}, ensure_ascii=False))
    except (Refused, RuntimeError, SystemExit):
        # The host sees the exit code.
        pass


def end(sensor, code):
    """Has the sensor clean up, and ends the process: threads that go on must not keep it."""
    try:
        if sensor is not None:
            sensor.cleanup()
        # Libraries have registered what they do at the end.
        atexit._run_exitfuncs()
    except BaseException:
        traceback.print_exc()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            pass
    os._exit(code & 0xFF)


if __name__ == "__main__":
    if sys.version_info < (3, 8):
        sys.exit("Python sensors need Python 3.8 or newer, and this is %s" % sys.version.split()[0])
    main()
