"""What the tests of keys share. m: the mount point, from $MNT."""
import errno, os

m = os.fsencode(os.environ["MNT"])


def fails(number, call, *arguments):
    try:
        call(*arguments)
    except OSError as e:
        assert e.errno == number, (e, call, arguments)
    else:
        raise AssertionError((call, arguments))


def put(path, value):
    with open(path, "wb") as f:
        f.write(value)


def get(path):
    with open(path, "rb") as f:
        return f.read()


def names(path):
    return sorted(os.listdir(path))


def go_deep(size):
    """Makes and enters directories whose path, with a slash behind it, has this size."""
    os.chdir(m)
    while size > 0:
        part = b"p" * (200 if size == 257 else min(255, size - 1))
        size -= len(part) + 1
        if not os.path.isdir(part):
            os.mkdir(part)
        os.chdir(part)
