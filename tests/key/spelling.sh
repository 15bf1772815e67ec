# Words for tests of what may be a key.

LAYERS=${LAYERS:-'[{"type": "memory"}, {"type": "disk", "options": {"path": "db.sqlite"}}]'}

mount_layers() {
	# Names that end in ~ are temporary by default.
	mount_with "{\"layers\": $LAYERS, \"cachefs\": {\"scratch_names\": []}}"
}

# Whether what was stored is there after a restart.
is_durable() {
	[[ $LAYERS =~ disk|file|redis ]]
}

# python CODE: with the words of words.py.
python() {
	MNT=$MNT PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$ROOT/tests/key python3 -c "from words import *
$1"
}
