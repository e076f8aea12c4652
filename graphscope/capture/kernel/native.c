/* What capture does most often, without running Python for it.
 *
 * An optional accelerator. Each function here does what a Python function of the same
 * name does (`graphscope.capture.reader`, `.likeness`, `.recipes`, `.flows`), which is
 * used where no compiler was, and which says why. Between two ops the model's own work
 * has emptied the caches: what counts is how much memory a look at a tensor touches.
 *
 * Nothing of torch's C++ is linked. Addresses, shapes and strides come through DLPack's
 * exchange table (`torch.Tensor.__dlpack_c_exchange_api__`, torch >= 2.10), which is a
 * stable interface; everything else through Python attributes.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>
#include <structmember.h>

#include "statistics.h"

/* A reading is `place << 3 | kind`; the kinds are those of graphscope.model.packed. */
enum { ABSENT = 0, UNREAD = 1, WHOLE = 2, STATS = 3 };
enum { SAMPLE = 16, MOST_AXES = 16 };

/* --- DLPack 1.x, as its specification lays it out --------------------------------- */

enum { ON_CPU = 1, CODE_INT = 0, CODE_UINT = 1, CODE_FLOAT = 2, CODE_BFLOAT = 4, CODE_BOOL = 6 };

typedef struct {
    void *data;
    struct { int32_t kind, number; } device;
    int32_t axes;
    struct { uint8_t code, bits; uint16_t lanes; } element;
    int64_t *shape, *strides;
    uint64_t byte_offset;
} dl_tensor_t;

typedef struct {
    struct { uint32_t major, minor; } version;
    void *previous;
    void *unused[3];
    int (*describe)(void *tensor, dl_tensor_t *out);
    void *stream;
} exchange_t;

/* --- What `configure` was told ----------------------------------------------------- */

static const exchange_t *exchange;
static PyTypeObject *tensor_type, *parameter_type, *slot_type, *value_type;
static PyObject *strided;
static Py_ssize_t slot_shape, slot_dtype, slot_seen, slot_label, slot_value;
static Py_ssize_t value_shape, value_dtype, value_place, value_wants, value_leaf, value_hooked;
static Py_ssize_t node_edges, node_inbox, node_name, node_serial, node_before;
static Py_ssize_t channel_after;
static Py_ssize_t known_reference, known_hook, known_hook_id;
static Py_ssize_t known_value, known_version, value_step;

#define NAMES(X)                                                                       \
    X(layout) X(is_neg) X(storage_offset) X(untyped_storage) X(nbytes) X(shape)        \
    X(dtype) X(device) X(requires_grad) X(is_leaf) X(_version) X(grad_fn) X(metadata)     \
    X(next_functions) X(name) X(variable) X(register_hook) X(graphscope_depth)           \
    X(graphscope_anchors) X(_post_accumulate_grad_hooks) X(acquire) X(release)  \
    X(__enter__) X(__exit__) X(step)
#define DECLARE(name) static PyObject *str_##name;
NAMES(DECLARE)

/* The value of a slot of a record, borrowed. */
static inline PyObject *field(PyObject *record, Py_ssize_t offset) {
    return *(PyObject **)((char *)record + offset);
}

static inline void set_field(PyObject *record, Py_ssize_t offset, PyObject *fresh) {
    PyObject **place = (PyObject **)((char *)record + offset), *before = *place;
    *place = fresh; /* takes the reference */
    Py_XDECREF(before);
}

static inline int is_plain(PyObject *tensor) {
    return Py_TYPE(tensor) == tensor_type || Py_TYPE(tensor) == parameter_type;
}

/* Returns where instances of `type` keep their slot `name`; -1 with an error. */
static Py_ssize_t offset_in(PyTypeObject *type, const char *name) {
    PyObject *member = PyDict_GetItemString(type->tp_dict, name);
    if (!member || Py_TYPE(member) != &PyMemberDescr_Type) {
        PyErr_Format(PyExc_TypeError, "%s has no slot %s", type->tp_name, name);
        return -1;
    }
    return ((PyMemberDescrObject *)member)->d_member->offset;
}

/* Returns whether attribute `name` is `wanted`; -1 with an error. */
static int attribute_is(PyObject *owner, PyObject *name, PyObject *wanted) {
    PyObject *found = PyObject_GetAttr(owner, name);
    if (!found) return -1;
    int is_it = found == wanted;
    Py_DECREF(found);
    return is_it;
}

static int64_t number_from(PyObject *owner, PyObject *method) {
    PyObject *found = PyObject_CallMethodNoArgs(owner, method);
    if (!found) return -1;
    int64_t number = PyLong_AsLongLong(found);
    Py_DECREF(found);
    return number;
}

/* --- Blocks of memory --------------------------------------------------------------- */

typedef struct {
    const char *data;
    int64_t count;
    int64_t stride_bytes;                                  /* of one element */
    int is_copied;                                         /* kept in its own dtype */
    void (*measure)(const void *, int64_t, void *);        /* NULL for most dtypes */
    int is_contiguous, is_dense;
} block_t;

static void classify(const dl_tensor_t *found, block_t *block) {
    int bits = found->element.bits;
    block->stride_bytes = bits / 8;
    block->measure = NULL;
    block->is_copied = 0;
    switch (found->element.code) {
    case CODE_FLOAT:
        block->is_copied = bits == 16 || bits == 32 || bits == 64;
        block->measure = bits == 32   ? graphscope_float32
                         : bits == 64 ? graphscope_float64
                         : bits == 16 ? graphscope_float16
                                      : NULL;
        break;
    case CODE_BFLOAT:
        if (bits == 16) block->measure = graphscope_bfloat16;
        break;
    case CODE_INT:
        block->is_copied = 1;
        break;
    case CODE_UINT:
        block->is_copied = bits == 8;
        break;
    case CODE_BOOL:
        block->is_copied = bits == 8;
        break;
    }
}

/* Whether the elements fill their memory without holes, in whatever order. */
static int is_dense(const dl_tensor_t *found) {
    int order[MOST_AXES], axes = 0;
    if (found->axes > MOST_AXES) return 0;
    for (int axis = 0; axis < found->axes; axis++) {
        if (found->shape[axis] == 1) continue;
        int place = axes++;
        for (; place && found->strides[order[place - 1]] > found->strides[axis]; place--)
            order[place] = order[place - 1];
        order[place] = axis;
    }
    int64_t room = 1;
    for (int place = 0; place < axes; place++) {
        if (found->strides[order[place]] != room) return 0;
        room *= found->shape[order[place]];
    }
    return 1;
}

/* Whether the storage is as large as the tensor needs: sharding frees it for a while. */
static int has_memory(PyObject *tensor, const dl_tensor_t *found, int64_t bytes) {
    int64_t offset = number_from(tensor, str_storage_offset);
    if (offset < 0) return -1;
    if (!offset) return 1;
    int64_t last = offset;
    for (int axis = 0; axis < found->axes; axis++)
        last += found->strides[axis] * (found->shape[axis] - 1);
    PyObject *storage = PyObject_CallMethodNoArgs(tensor, str_untyped_storage);
    if (!storage) return -1;
    int64_t size = number_from(storage, str_nbytes);
    Py_DECREF(storage);
    return size < 0 ? -1 : size >= (last + 1) * bytes;
}

/* Describes a strided tensor of torch's own type on the CPU; 0 for any other.
 *
 * Never sets an error: a tensor that cannot say what it is is one of the others. */
static int describe(PyObject *tensor, dl_tensor_t *found) {
    if (!is_plain(tensor)) return 0;
    int is_right = attribute_is(tensor, str_layout, strided);
    if (is_right > 0) is_right = exchange->describe(tensor, found) == 0;
    if (is_right > 0)
        is_right = found->data && found->device.kind == ON_CPU && found->element.lanes == 1;
    if (is_right > 0) return 1;
    PyErr_Clear();
    return 0;
}

/* Returns whether the numbers are kept with the other sign; -1 with an error. */
static int is_negated(PyObject *tensor) {
    PyObject *found = PyObject_CallMethodNoArgs(tensor, str_is_neg);
    int is_it = found ? found == Py_True : -1;
    Py_XDECREF(found);
    return is_it;
}

/* Whether a tensor that was described is a block of memory that may be read as it is. */
static int look_into(PyObject *tensor, const dl_tensor_t *found, block_t *block) {
    if (is_negated(tensor) || has_memory(tensor, found, found->element.bits / 8) <= 0) {
        PyErr_Clear();
        return 0;
    }
    classify(found, block);
    block->data = (const char *)found->data + found->byte_offset;
    int64_t room = 1;
    block->is_contiguous = 1;
    for (int axis = found->axes - 1; axis >= 0; axis--) {
        if (found->shape[axis] != 1 && found->strides[axis] != room) block->is_contiguous = 0;
        room *= found->shape[axis];
    }
    block->count = room;
    block->is_dense = block->is_contiguous || is_dense(found);
    return room > 0;
}

static int look_at(PyObject *tensor, block_t *block) {
    dl_tensor_t found;
    return describe(tensor, &found) && look_into(tensor, &found, block);
}

/* --- Reader ------------------------------------------------------------------------- */

typedef struct {
    PyObject_HEAD
    int64_t whole;
    int stats;
    char *address; /* of the buffer, which Python owns */
    int64_t used, room;
    char is_finite;
    PyObject *other, *grow;
} reader_t;

static int Reader_init(reader_t *self, PyObject *args, PyObject *keywords) {
    static char *names[] = {"whole", "stats", "other", "grow", NULL};
    long long whole;
    int stats;
    PyObject *other, *grow;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "LpOO", names, &whole, &stats, &other, &grow))
        return -1;
    self->whole = whole;
    self->stats = stats;
    self->is_finite = 1;
    Py_XSETREF(self->other, Py_NewRef(other));
    Py_XSETREF(self->grow, Py_NewRef(grow));
    return 0;
}

static int Reader_traverse(reader_t *self, visitproc visit, void *arg) {
    Py_VISIT(self->other);
    Py_VISIT(self->grow);
    return 0;
}

static int Reader_clear(reader_t *self) {
    Py_CLEAR(self->other);
    Py_CLEAR(self->grow);
    return 0;
}

static void Reader_dealloc(reader_t *self) {
    PyObject_GC_UnTrack(self);
    Reader_clear(self);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

/* Returns where `count` bytes may be written; -1 with an error. */
static int64_t reserve(reader_t *self, int64_t count) {
    int64_t place = self->used;
    if (place + count > self->room) {
        int64_t size = 2 * self->room > place + count ? 2 * self->room : place + count;
        PyObject *done = PyObject_CallFunction(self->grow, "L", (long long)size);
        if (!done) return -1;
        Py_DECREF(done);
        if (place + count > self->room) {
            PyErr_SetString(PyExc_RuntimeError, "the buffer of readings did not grow");
            return -1;
        }
    }
    self->used = place + count;
    return place;
}

static PyObject *Reader_reserve(reader_t *self, PyObject *count) {
    int64_t bytes = PyLong_AsLongLong(count);
    if (bytes == -1 && PyErr_Occurred()) return NULL;
    int64_t place = reserve(self, bytes);
    return place < 0 ? NULL : PyLong_FromLongLong(place);
}

static PyObject *Reader_attach(reader_t *self, PyObject *args) {
    unsigned long long address;
    long long room;
    if (!PyArg_ParseTuple(args, "KL", &address, &room)) return NULL;
    self->address = (char *)(uintptr_t)address;
    self->room = room;
    Py_RETURN_NONE;
}

static PyObject *Reader_copy(reader_t *self, PyObject *args) {
    unsigned long long address;
    long long count;
    if (!PyArg_ParseTuple(args, "KL", &address, &count)) return NULL;
    int64_t place = reserve(self, count);
    if (place < 0) return NULL;
    memcpy(self->address + place, (const char *)(uintptr_t)address, (size_t)count);
    return PyLong_FromLongLong(place);
}

/* Whether every number of a block that is kept whole is known to be finite. */
static int is_finite(const block_t *block) {
    if (!block->measure) return 1; /* integers */
    int odd = 0; /* all bits of the exponent are set */
    if (block->measure == graphscope_float32) {
        const uint32_t *bits = (const uint32_t *)(const void *)block->data, mask = 0x7f800000u;
        for (int64_t index = 0; index < block->count; index++) odd |= (bits[index] & mask) == mask;
    } else if (block->measure == graphscope_float64) {
        const uint64_t *bits = (const uint64_t *)(const void *)block->data;
        const uint64_t mask = 0x7ff0000000000000u;
        for (int64_t index = 0; index < block->count; index++) odd |= (bits[index] & mask) == mask;
    } else {
        return 0;
    }
    return !odd;
}

static PyObject *put_stats(reader_t *self, const block_t *block) {
    int64_t place = reserve(self, STATS_BYTES);
    if (place < 0) return NULL;
    block->measure(block->data, block->count, self->address + place);
    int64_t odd[2]; /* NaNs and infinities, the last two of the numbers */
    memcpy(odd, self->address + place + STATS_BYTES - sizeof odd, sizeof odd);
    if (odd[0] || odd[1]) self->is_finite = 0;
    return PyLong_FromLongLong(place << 3 | STATS);
}

/* Reads a tensor; `found` describes it, or is NULL where it is one of the others. */
static PyObject *read_described(reader_t *self, PyObject *tensor, const dl_tensor_t *found) {
    block_t block;
    if (!found || !look_into(tensor, found, &block))
        return PyObject_CallOneArg(self->other, tensor);
    if (block.count <= self->whole) {
        if (!block.is_copied || !block.is_contiguous)
            return PyObject_CallOneArg(self->other, tensor);
        int64_t bytes = block.count * block.stride_bytes, place = reserve(self, bytes);
        if (place < 0) return NULL;
        memcpy(self->address + place, block.data, (size_t)bytes);
        if (!is_finite(&block)) self->is_finite = 0;
        return PyLong_FromLongLong(place << 3 | WHOLE);
    }
    if (!self->stats && (block.is_copied || block.measure)) return PyLong_FromLong(UNREAD);
    if (!self->stats || !block.measure || !block.is_dense)
        return PyObject_CallOneArg(self->other, tensor);
    return put_stats(self, &block);
}

static PyObject *Reader_read(reader_t *self, PyObject *tensor) {
    dl_tensor_t found;
    if (tensor == Py_None) return PyLong_FromLong(ABSENT);
    return read_described(self, tensor, describe(tensor, &found) ? &found : NULL);
}

static PyObject *Reader_measure(reader_t *self, PyObject *tensor) {
    block_t block;
    if (!look_at(tensor, &block) || !block.measure || !block.is_dense)
        return PyLong_FromLong(-1);
    return put_stats(self, &block);
}

static PyObject *Reader_sample(reader_t *self, PyObject *tensor) {
    block_t block;
    if (!look_at(tensor, &block) || !block.is_copied || !block.is_contiguous ||
        block.count <= self->whole || block.count < SAMPLE)
        return PyBytes_FromStringAndSize(NULL, 0);
    Py_ssize_t bytes = (Py_ssize_t)(SAMPLE * block.stride_bytes);
    PyObject *found = PyBytes_FromStringAndSize(NULL, 4 * bytes);
    if (!found) return NULL;
    int64_t places[] = {0, block.count / 3, 2 * block.count / 3, block.count - SAMPLE};
    for (int part = 0; part < 4; part++) {
        int64_t place = places[part] < places[3] ? places[part] : places[3];
        memcpy(PyBytes_AS_STRING(found) + part * bytes,
               block.data + place * block.stride_bytes, (size_t)bytes);
    }
    return found;
}

static PyMethodDef reader_methods[] = {
    {"attach", (PyCFunction)Reader_attach, METH_VARARGS, "Write to `room` bytes at `address`."},
    {"reserve", (PyCFunction)Reader_reserve, METH_O, "Return where so many bytes may be written."},
    {"copy", (PyCFunction)Reader_copy, METH_VARARGS, "Copy bytes from elsewhere."},
    {"read", (PyCFunction)Reader_read, METH_O, "Read a tensor: whole, or its statistics."},
    {"measure", (PyCFunction)Reader_measure, METH_O, "Put statistics of a dense tensor; -1: cannot."},
    {"sample", (PyCFunction)Reader_sample, METH_O, "Return a few of a large tensor's numbers."},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef reader_members[] = {
    {"whole", T_LONGLONG, offsetof(reader_t, whole), READONLY, NULL},
    {"used", T_LONGLONG, offsetof(reader_t, used), 0, NULL},
    {"is_finite", T_BOOL, offsetof(reader_t, is_finite), 0, NULL},
    {"room", T_LONGLONG, offsetof(reader_t, room), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyTypeObject reader_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "graphscope.capture.kernel._native.Reader",
    .tp_doc = "graphscope.capture.reader.PlainReader, compiled.",
    .tp_basicsize = sizeof(reader_t),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_new = PyType_GenericNew,
    .tp_init = (initproc)Reader_init,
    .tp_dealloc = (destructor)Reader_dealloc,
    .tp_traverse = (traverseproc)Reader_traverse,
    .tp_clear = (inquiry)Reader_clear,
    .tp_methods = reader_methods,
    .tp_members = reader_members,
};

/* --- Places and likenesses ---------------------------------------------------------- */

static int expect(Py_ssize_t count, Py_ssize_t wanted) {
    if (count == wanted) return 0;
    PyErr_Format(PyExc_TypeError, "expected %zd arguments, got %zd", wanted, count);
    return -1;
}

static PyObject *is_same_chain(PyObject *module, PyObject *const *args, Py_ssize_t count) {
    (void)module;
    if (expect(count, 2)) return NULL;
    PyObject *chain = args[1];
    if (!PyTuple_CheckExact(chain)) return PyErr_Format(PyExc_TypeError, "a chain is a tuple");
    Py_ssize_t length = PyTuple_GET_SIZE(chain);
    int is_same = length > 0;
    PyObject *frame = Py_NewRef(args[0]);
    for (Py_ssize_t index = 0; is_same && index < length; index++) {
        if (!PyFrame_Check(frame)) {
            is_same = 0;
            break;
        }
        PyObject *spot = PyTuple_GET_ITEM(chain, index);
        PyCodeObject *code = PyFrame_GetCode((PyFrameObject *)frame);
        is_same = (PyObject *)code == PyTuple_GET_ITEM(spot, 0) &&
                  PyFrame_GetLasti((PyFrameObject *)frame) ==
                      PyLong_AsLong(PyTuple_GET_ITEM(spot, 1));
        Py_DECREF(code);
        PyObject *caller = (PyObject *)PyFrame_GetBack((PyFrameObject *)frame);
        Py_SETREF(frame, caller ? caller : Py_NewRef(Py_None));
    }
    Py_DECREF(frame);
    return PyErr_Occurred() ? NULL : PyBool_FromLong(is_same);
}

/* What is known of this very tensor object: by its weak reference, or by our hook. */
static PyObject *find_entry(PyObject *table, PyObject *is_same, PyObject *tensor) {
    PyObject *key = PyLong_FromVoidPtr(tensor);
    PyObject *known = key ? PyDict_GetItemWithError(table, key) : NULL;
    Py_XDECREF(key);
    if (!known) return PyErr_Occurred() ? NULL : Py_NewRef(Py_None);
    PyObject *reference = field(known, known_reference), *hook = field(known, known_hook);
    if (reference != Py_None && hook == Py_None)
        return Py_NewRef(PyWeakref_GetObject(reference) == tensor ? known : Py_None);
    int is_it = -1;
    if (hook == Py_None) {
        PyObject *found = PyObject_CallFunctionObjArgs(is_same, known, tensor, NULL);
        if (found) is_it = PyObject_IsTrue(found);
        Py_XDECREF(found);
    } else {
        PyObject *hooks = PyObject_GetAttr(tensor, str__post_accumulate_grad_hooks);
        if (!hooks) return NULL;
        PyObject *found = PyDict_Check(hooks)
                              ? PyDict_GetItemWithError(hooks, field(known, known_hook_id))
                              : NULL;
        is_it = found ? found == hook : PyErr_Occurred() ? -1 : 0;
        Py_DECREF(hooks);
    }
    return is_it < 0 ? NULL : Py_NewRef(is_it ? known : Py_None);
}

static PyObject *entry(PyObject *module, PyObject *const *args, Py_ssize_t count) {
    (void)module;
    return expect(count, 3) ? NULL : find_entry(args[0], args[1], args[2]);
}

/* Returns the version counter, None for inference tensors. */
static PyObject *counted(PyObject *tensor) {
    PyObject *version = PyObject_GetAttr(tensor, str__version);
    if (version || !PyErr_ExceptionMatches(PyExc_RuntimeError)) return version;
    PyErr_Clear();
    return Py_NewRef(Py_None);
}

/* Whether a tensor is `value`, as it was seen in this step; 2: not seen in it yet. */
static int is_current(PyObject *known, PyObject *value, PyObject *version, PyObject *step) {
    PyObject *found = field(known, known_value);
    int is_of_step = PyObject_RichCompareBool(field(found, value_step), step, Py_EQ);
    if (is_of_step <= 0) return is_of_step ? -1 : 2;
    if (found != value) return 0;
    return PyObject_RichCompareBool(field(known, known_version), version, Py_EQ);
}

static int accept_tensor(
    PyObject *const *with, PyObject *step, PyObject *value, PyObject *tensor, PyObject *seen) {
    PyObject *known = find_entry(with[1], with[2], tensor);
    PyObject *version = known ? counted(tensor) : NULL;
    int is_it = version ? 2 : -1;
    if (is_it > 0 && known != Py_None) is_it = is_current(known, value, version, step);
    if (is_it == 2) { /* the table looks at it, and reads it */
        PyObject *found = PyObject_CallFunctionObjArgs(with[3], value, tensor, known, NULL);
        is_it = found ? PyObject_IsTrue(found) : -1;
        Py_XDECREF(found);
    }
    if (is_it > 0) {
        PyObject *pair = PyTuple_Pack(2, tensor, version);
        if (!pair || PyList_Append(seen, pair)) is_it = -1;
        Py_XDECREF(pair);
    }
    Py_XDECREF(known);
    Py_XDECREF(version);
    return is_it;
}

/* Arguments: the table, what it knows, its `_is_same` and `accept_anew`, the follower's
 * `_accept`; then the specs of a recipe, the arguments of a call, and the list of what
 * was seen. */
static PyObject *accept_all(PyObject *module, PyObject *const *args, Py_ssize_t count) {
    (void)module;
    if (expect(count, 8)) return NULL;
    PyObject *specs = args[5], *given = args[6], *seen = args[7];
    if (!PyTuple_CheckExact(specs) || !PyTuple_Check(given) || !PyList_CheckExact(seen))
        return PyErr_Format(PyExc_TypeError, "accept_all was given something else");
    int is_it = PyTuple_GET_SIZE(specs) == PyTuple_GET_SIZE(given);
    PyObject *step = PyObject_GetAttr(args[0], str_step);
    if (!step) return NULL;
    for (Py_ssize_t index = 0; is_it > 0 && index < PyTuple_GET_SIZE(specs); index++) {
        PyObject *spec = PyTuple_GET_ITEM(specs, index), *one = PyTuple_GET_ITEM(given, index);
        if (is_plain(one)) {
            is_it = Py_TYPE(spec) == value_type ? accept_tensor(args, step, spec, one, seen) : 0;
        } else if (spec != one) {
            PyObject *found = PyObject_CallFunctionObjArgs(args[4], spec, one, seen, NULL);
            is_it = found ? PyObject_IsTrue(found) : -1;
            Py_XDECREF(found);
        }
    }
    Py_DECREF(step);
    return is_it < 0 ? NULL : PyBool_FromLong(is_it);
}

static int is_among(PyObject *tensor, PyObject *seen) {
    for (Py_ssize_t index = 0; index < PyList_GET_SIZE(seen); index++)
        if (PyTuple_GET_ITEM(PyList_GET_ITEM(seen, index), 0) == tensor) return 1;
    return 0;
}

/* What a call changed and made; None when it changed something else than it did before.
 *
 * Arguments: which tensors it changed, how many it made, what was seen, the tensors in
 * its result. */
static PyObject *changed_and_made(PyObject *module, PyObject *const *args, Py_ssize_t count) {
    (void)module;
    if (expect(count, 4)) return NULL;
    PyObject *changed = args[0], *seen = args[2], *results = args[3];
    if (!PyTuple_CheckExact(changed) || !PyList_CheckExact(seen) || !PyList_CheckExact(results))
        return PyErr_Format(PyExc_TypeError, "changed_and_made was given something else");
    PyObject *outputs = PyList_New(0);
    int is_it = outputs ? PyTuple_GET_SIZE(changed) == PyList_GET_SIZE(seen) : -1;
    for (Py_ssize_t index = 0; is_it > 0 && index < PyTuple_GET_SIZE(changed); index++) {
        PyObject *pair = PyList_GET_ITEM(seen, index);
        PyObject *tensor = PyTuple_GET_ITEM(pair, 0), *before = PyTuple_GET_ITEM(pair, 1);
        PyObject *now = before == Py_None ? Py_NewRef(Py_None) : counted(tensor);
        int is_same = now ? PyObject_RichCompareBool(now, before, Py_EQ) : -1;
        Py_XDECREF(now);
        int was_changed = PyTuple_GET_ITEM(changed, index) == Py_True;
        is_it = is_same < 0 ? -1 : is_same != was_changed;
        if (is_it > 0 && was_changed) {
            int is_there = 0;
            for (Py_ssize_t place = 0; place < PyList_GET_SIZE(outputs); place++)
                is_there |= PyList_GET_ITEM(outputs, place) == tensor;
            if (!is_there && PyList_Append(outputs, tensor)) is_it = -1;
        }
    }
    long made = 0;
    for (Py_ssize_t index = 0; is_it > 0 && index < PyList_GET_SIZE(results); index++) {
        PyObject *tensor = PyList_GET_ITEM(results, index);
        if (is_among(tensor, seen)) continue;
        made++;
        if (PyList_Append(outputs, tensor)) is_it = -1;
    }
    if (is_it > 0 && made == PyLong_AsLong(args[1])) return outputs;
    Py_XDECREF(outputs);
    return PyErr_Occurred() ? NULL : Py_NewRef(Py_None);
}

/* Whether a tensor's shape equals a tuple; a nested tensor has none. */
static int has_shape(PyObject *tensor, PyObject *shape) {
    PyObject *found = PyObject_GetAttr(tensor, str_shape);
    if (!found) {
        if (!PyErr_ExceptionMatches(PyExc_RuntimeError)) return -1;
        PyErr_Clear();
        return 0;
    }
    int is_it = PyObject_RichCompareBool(found, shape, Py_EQ);
    Py_DECREF(found);
    return is_it;
}

static int is_alike(PyObject *slot, PyObject *tensor) {
    int is_it = has_shape(tensor, field(slot, slot_shape));
    return is_it > 0 ? attribute_is(tensor, str_dtype, field(slot, slot_dtype)) : is_it;
}

static PyObject *are_alike(PyObject *module, PyObject *const *args, Py_ssize_t count) {
    (void)module;
    if (expect(count, 2)) return NULL;
    PyObject *slots = PySequence_Fast(args[0], "slots are a sequence");
    PyObject *gradients = slots ? PySequence_Fast(args[1], "gradients are a sequence") : NULL;
    int is_it = -1;
    if (gradients) is_it = PySequence_Fast_GET_SIZE(slots) == PySequence_Fast_GET_SIZE(gradients);
    for (Py_ssize_t index = 0; is_it > 0 && index < PySequence_Fast_GET_SIZE(slots); index++) {
        PyObject *slot = PySequence_Fast_GET_ITEM(slots, index);
        PyObject *gradient = PySequence_Fast_GET_ITEM(gradients, index);
        if (Py_TYPE(slot) != slot_type) {
            PyErr_SetString(PyExc_TypeError, "a slot is a RawSlot");
            is_it = -1;
        } else if (gradient != Py_None) {
            is_it = is_alike(slot, gradient);
        }
    }
    Py_XDECREF(slots);
    Py_XDECREF(gradients);
    return is_it < 0 ? NULL : PyBool_FromLong(is_it);
}

/* The address of the numbers, 0 for tensors that have none to compare. */
static PyObject *address_of(PyObject *module, PyObject *tensor) {
    (void)module;
    dl_tensor_t found;
    if (!is_plain(tensor)) return PyLong_FromLong(0);
    int is_right = attribute_is(tensor, str_layout, strided);
    if (is_right > 0) is_right = exchange->describe(tensor, &found) == 0;
    if (is_right > 0) return PyLong_FromVoidPtr(found.data);
    PyErr_Clear();
    return PyLong_FromLong(0);
}

static PyObject *version_of_tensor(PyObject *module, PyObject *tensor) {
    (void)module;
    return counted(tensor);
}

static PyObject *is_like(PyObject *module, PyObject *const *args, Py_ssize_t count) {
    (void)module;
    if (expect(count, 2)) return NULL;
    PyObject *value = args[0], *tensor = args[1];
    int is_it = has_shape(tensor, field(value, value_shape));
    if (is_it > 0) is_it = attribute_is(tensor, str_dtype, field(value, value_dtype));
    if (is_it > 0) is_it = attribute_is(tensor, str_requires_grad, field(value, value_wants));
    if (is_it > 0) is_it = attribute_is(tensor, str_is_leaf, field(value, value_leaf));
    if (is_it > 0) {
        PyObject *place = PyObject_GetAttr(tensor, str_device);
        is_it = place ? PyObject_RichCompareBool(place, field(value, value_place), Py_EQ) : -1;
        Py_XDECREF(place);
    }
    return is_it < 0 ? NULL : PyBool_FromLong(is_it);
}

/* --- What flows through an autograd node -------------------------------------------- */

enum { MOST_GRADIENTS = 64 };

typedef struct {
    int is_known; /* 0 not looked at, 1 described, -1 one of the others */
    dl_tensor_t found;
} flow_t;

static const dl_tensor_t *flow(PyObject *gradient, flow_t *kept) {
    if (!kept->is_known) kept->is_known = describe(gradient, &kept->found) ? 1 : -1;
    return kept->is_known > 0 ? &kept->found : NULL;
}

static int64_t version_of(PyObject *tensor) {
    PyObject *found = PyObject_GetAttr(tensor, str__version);
    if (!found) return -1;
    int64_t version = PyLong_AsLongLong(found);
    Py_DECREF(found);
    return version;
}

static int64_t part(PyObject *sent, Py_ssize_t index) {
    return PyLong_AsLongLong(PyTuple_GET_ITEM(sent, index));
}

/* Whether `gradient` is what was sent, alone, and nothing has changed it. */
static int is_sent(PyObject *sent, PyObject *gradient, const dl_tensor_t *found, int64_t task) {
    if (part(sent, 0) != 1 || part(sent, 4) != task || !found) return 0;
    if (part(sent, 2) != (int64_t)(uintptr_t)found->data) return 0;
    int64_t version = version_of(gradient);
    if (version < 0) return -1;
    return part(sent, 3) == version;
}

/* Reads what reached an output; a single gradient was read when it was sent. */
static PyObject *read_output(
    reader_t *reader, PyObject *node, PyObject *slot, PyObject *position,
    PyObject *gradient, flow_t *kept, int64_t task) {
    PyObject *inbox = field(node, node_inbox), *sent = NULL;
    if (PyDict_GET_SIZE(inbox)) {
        sent = PyDict_GetItemWithError(inbox, position);
        if (!sent && PyErr_Occurred()) return NULL;
        Py_XINCREF(sent);
        if (sent && PyDict_DelItem(inbox, position)) goto failed;
    }
    if (gradient == Py_None) {
        Py_XDECREF(sent);
        return PyLong_FromLong(ABSENT);
    }
    const dl_tensor_t *found = flow(gradient, kept);
    if (sent) {
        PyObject *value = field(slot, slot_value);
        int is_same = is_sent(sent, gradient, found, task);
        if (is_same < 0) goto failed;
        if (is_same && (value == Py_None || field(value, value_hooked) == Py_False)) {
            PyObject *reading = Py_NewRef(PyTuple_GET_ITEM(sent, 1));
            Py_DECREF(sent);
            return reading;
        }
        Py_DECREF(sent);
    }
    return read_described(reader, gradient, found);
failed:
    Py_XDECREF(sent);
    return NULL;
}

/* Whether two tensors that begin at the same address have the same elements. */
static int is_same_block(
    PyObject *one, const dl_tensor_t *first, PyObject *other, const dl_tensor_t *second,
    int is_whole) {
    int is_equal = first->axes == second->axes;
    int64_t counts[2] = {1, 1};
    for (int axis = 0; axis < first->axes; axis++) counts[0] *= first->shape[axis];
    for (int axis = 0; axis < second->axes; axis++) counts[1] *= second->shape[axis];
    if (counts[0] != counts[1] || first->element.code != second->element.code ||
        first->element.bits != second->element.bits || first->element.code > CODE_BOOL ||
        first->element.code == 5) /* complex: may be conjugated */
        return 0;
    for (int axis = 0; is_equal && axis < first->axes; axis++)
        is_equal = first->shape[axis] == second->shape[axis] &&
                   first->strides[axis] == second->strides[axis];
    if (!is_equal && (is_whole || !is_dense(first) || !is_dense(second))) return 0;
    int negated = is_negated(one);
    if (negated < 0) return -1;
    int other_negated = is_negated(other);
    return other_negated < 0 ? -1 : negated == other_negated;
}

/* Returns the reading of an output that is the very same memory, borrowed; else NULL. */
static PyObject *same_memory(
    PyObject *gradient, const dl_tensor_t *found, PyObject *outputs, PyObject *slots,
    flow_t *kept) {
    for (Py_ssize_t index = 0; index < PyTuple_GET_SIZE(outputs); index++) {
        PyObject *other = PyTuple_GET_ITEM(outputs, index);
        if (other == Py_None) continue;
        const dl_tensor_t *second = flow(other, &kept[index]);
        if (!second || second->data != found->data) continue;
        PyObject *reading = field(PyList_GET_ITEM(slots, index), slot_seen);
        int is_whole = (PyLong_AsLongLong(reading) & 7) != STATS;
        int is_same = is_same_block(gradient, found, other, second, is_whole);
        if (is_same < 0) return NULL;
        if (is_same) return reading;
    }
    return NULL;
}

/* Notes at the other end of an edge what was sent along it. */
static int note_sent(
    PyObject *edge, PyObject *gradient, const dl_tensor_t *found, PyObject *reading,
    PyObject *task, int64_t task_number) {
    PyObject *target = PyTuple_GET_ITEM(edge, 0), *output = PyTuple_GET_ITEM(edge, 1);
    if (target == Py_None) return 0;
    PyObject *inbox = field(target, node_inbox), *fresh = NULL;
    PyObject *sent = PyDict_GetItemWithError(inbox, output);
    if (!sent && PyErr_Occurred()) return -1;
    if (sent && part(sent, 4) == task_number) {
        fresh = Py_BuildValue(
            "LOOOO", (long long)part(sent, 0) + 1, PyTuple_GET_ITEM(sent, 1),
            PyTuple_GET_ITEM(sent, 2), PyTuple_GET_ITEM(sent, 3), task);
    } else if (found) {
        int64_t version = version_of(gradient);
        if (version < 0) return -1;
        fresh = Py_BuildValue(
            "iOKLO", 1, reading, (unsigned long long)(uintptr_t)found->data,
            (long long)version, task);
    } else {
        return 0;
    }
    if (!fresh) return -1;
    int failed = PyDict_SetItem(inbox, output, fresh);
    Py_DECREF(fresh);
    return failed;
}

/* Whether the slots of the step before are for these gradients, hooked as they were. */
static int fits(PyObject *slots, PyObject *outputs, PyObject *inputs) {
    Py_ssize_t count = PyTuple_GET_SIZE(outputs), end = count + PyTuple_GET_SIZE(inputs);
    if (PyList_GET_SIZE(slots) != end || end > MOST_GRADIENTS) return 0;
    for (Py_ssize_t index = 0; index < end; index++) {
        PyObject *slot = PyList_GET_ITEM(slots, index);
        if (Py_TYPE(slot) != slot_type) return 0;
        PyObject *gradient = index < count ? PyTuple_GET_ITEM(outputs, index)
                                           : PyTuple_GET_ITEM(inputs, index - count);
        int is_it = gradient == Py_None ? 1 : is_alike(slot, gradient);
        if (is_it <= 0) return is_it;
        PyObject *value = field(slot, slot_value);
        if (index >= count || value == Py_None) continue;
        int was_hooked = PyUnicode_GET_LENGTH(field(slot, slot_label)) > 0;
        if ((field(value, value_hooked) == Py_True) != was_hooked) return 0;
    }
    return 1;
}

static PyObject *read_node(PyObject *module, PyObject *const *args, Py_ssize_t count) {
    (void)module;
    if (expect(count, 6)) return NULL;
    reader_t *reader = (reader_t *)args[0];
    PyObject *node = args[1], *slots = args[2], *outputs = args[3], *inputs = args[4];
    if (Py_TYPE(reader) != &reader_type || !PyList_CheckExact(slots) ||
        !PyTuple_Check(outputs) || !PyTuple_Check(inputs))
        return PyErr_Format(PyExc_TypeError, "read_node was given something else");
    int64_t task = PyLong_AsLongLong(args[5]);
    int is_it = fits(slots, outputs, inputs);
    if (is_it < 0) return NULL;
    if (!is_it) Py_RETURN_FALSE;
    flow_t kept[MOST_GRADIENTS];
    PyObject *edges = field(node, node_edges);
    Py_ssize_t received = PyTuple_GET_SIZE(outputs);
    for (Py_ssize_t index = 0; index < received; index++) {
        PyObject *position = PyLong_FromSsize_t(index), *slot = PyList_GET_ITEM(slots, index);
        if (!position) return NULL;
        kept[index].is_known = 0;
        PyObject *reading = read_output(
            reader, node, slot, position, PyTuple_GET_ITEM(outputs, index), &kept[index], task);
        Py_DECREF(position);
        if (!reading) return NULL;
        set_field(slot, slot_seen, reading);
    }
    for (Py_ssize_t index = 0; index < PyTuple_GET_SIZE(inputs); index++) {
        PyObject *gradient = PyTuple_GET_ITEM(inputs, index);
        PyObject *slot = PyList_GET_ITEM(slots, received + index);
        if (gradient == Py_None) {
            set_field(slot, slot_seen, PyLong_FromLong(ABSENT));
            continue;
        }
        flow_t own = {0};
        const dl_tensor_t *found = flow(gradient, &own);
        PyObject *reading = found ? same_memory(gradient, found, outputs, slots, kept) : NULL;
        if (!reading && PyErr_Occurred()) return NULL;
        reading = reading ? Py_NewRef(reading) : read_described(reader, gradient, found);
        if (!reading) return NULL;
        set_field(slot, slot_seen, reading);
        if (index < PyList_GET_SIZE(edges) &&
            note_sent(PyList_GET_ITEM(edges, index), gradient, found, reading, args[5], task))
            return NULL;
    }
    Py_RETURN_TRUE;
}

/* --- Guards ---------------------------------------------------------------------------- */

/* Tells `on_fault` of the error that is set, if it is an Exception: None, or NULL. */
static PyObject *tell_fault(PyObject *on_fault) {
    if (!PyErr_ExceptionMatches(PyExc_Exception)) return NULL;
    PyObject *type, *fault, *traceback;
    PyErr_Fetch(&type, &fault, &traceback);
    PyErr_NormalizeException(&type, &fault, &traceback);
    if (traceback) PyException_SetTraceback(fault, traceback);
    PyObject *done = PyObject_CallOneArg(on_fault, fault);
    Py_XDECREF(type);
    Py_XDECREF(fault);
    Py_XDECREF(traceback);
    Py_XDECREF(done);
    return done ? Py_NewRef(Py_None) : NULL;
}

/* Calls a method for what it does, also while an error is set; keeps that error. */
static int leave(PyObject *owner, PyObject *method, int is_exit) {
    PyObject *type, *fault, *traceback;
    PyErr_Fetch(&type, &fault, &traceback);
    PyObject *done = is_exit ? PyObject_CallMethodObjArgs(
                                   owner, method, Py_None, Py_None, Py_None, NULL)
                             : PyObject_CallMethodNoArgs(owner, method);
    Py_XDECREF(done);
    if (type) {
        if (!done) PyErr_Clear();
        PyErr_Restore(type, fault, traceback);
    }
    return done ? 0 : -1;
}

/* Sets a state of torch's to what it was, also while an error is set; keeps that. */
static int restore(PyObject *get, PyObject *set, PyObject *before) {
    PyObject *type, *fault, *traceback;
    PyErr_Fetch(&type, &fault, &traceback);
    PyObject *now = PyObject_CallNoArgs(get);
    PyObject *done = !now ? NULL : now == before ? Py_NewRef(now) : PyObject_CallOneArg(set, before);
    Py_XDECREF(now);
    Py_XDECREF(done);
    if (type) {
        if (!done) PyErr_Clear();
        PyErr_Restore(type, fault, traceback);
    }
    return done ? 0 : -1;
}

/* Lets the thread be held where something is pending, now that nothing of ours is held. */
static PyObject *let_go(PyObject *result, PyObject *pending, PyObject *release) {
    if (!result || !PyList_GET_SIZE(pending)) return result;
    PyObject *done = PyObject_CallNoArgs(release);
    Py_XDECREF(done);
    if (!done) Py_CLEAR(result);
    return result;
}

/* Arguments: a lock, what hides from modes, two functions that get and set whether
 * gradients are recorded, whom to tell of a fault, the list of threads that are to be
 * held, and what holds them; then the function to run, and its arguments. */
static PyObject *run_gated(PyObject *module, PyObject *const *args, Py_ssize_t count) {
    (void)module;
    if (count < 8) return PyErr_Format(PyExc_TypeError, "run_gated was given too little");
    PyObject *lock = args[0], *is_enabled = args[2], *on_fault = args[4], *result = NULL;
    if (!PyList_CheckExact(args[5])) return PyErr_Format(PyExc_TypeError, "pending is a list");
    PyObject *taken = PyObject_CallMethodNoArgs(lock, str_acquire);
    if (!taken) return NULL;
    Py_DECREF(taken);
    PyObject *hiding = PyObject_CallNoArgs(args[1]);
    PyObject *entered = hiding ? PyObject_CallMethodNoArgs(hiding, str___enter__) : NULL;
    PyObject *before = entered ? PyObject_CallNoArgs(is_enabled) : NULL;
    if (entered) {
        if (before) result = PyObject_Vectorcall(args[7], args + 8, (size_t)(count - 8), NULL);
        if (!result) result = tell_fault(on_fault);
        if (before && restore(is_enabled, args[3], before)) Py_CLEAR(result);
        if (leave(hiding, str___exit__, 1)) Py_CLEAR(result);
    }
    Py_XDECREF(before);
    Py_XDECREF(entered);
    Py_XDECREF(hiding);
    if (leave(lock, str_release, 0)) Py_CLEAR(result);
    return let_go(result, args[5], args[6]);
}

/* --- The hook after a node ------------------------------------------------------------ */

typedef struct {
    PyObject_HEAD
    PyObject *channel, *serial;
} after_t;

static int After_init(after_t *self, PyObject *args, PyObject *keywords) {
    PyObject *channel, *serial;
    if (keywords && PyDict_GET_SIZE(keywords)) {
        PyErr_SetString(PyExc_TypeError, "After takes no keywords");
        return -1;
    }
    if (!PyArg_ParseTuple(args, "OO", &channel, &serial)) return -1;
    Py_XSETREF(self->channel, Py_NewRef(channel));
    Py_XSETREF(self->serial, Py_NewRef(serial));
    return 0;
}

static int After_traverse(after_t *self, visitproc visit, void *arg) {
    Py_VISIT(self->channel);
    Py_VISIT(self->serial);
    return 0;
}

static int After_clear(after_t *self) {
    Py_CLEAR(self->channel);
    Py_CLEAR(self->serial);
    return 0;
}

static void After_dealloc(after_t *self) {
    PyObject_GC_UnTrack(self);
    After_clear(self);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

/* Called with the gradients sent and the gradients received; returns None. */
static PyObject *After_call(after_t *self, PyObject *args, PyObject *keywords) {
    PyObject *sent, *received;
    if (keywords || !PyArg_ParseTuple(args, "OO", &sent, &received))
        return keywords ? PyErr_Format(PyExc_TypeError, "a hook takes no keywords") : NULL;
    PyObject *tell = self->channel ? field(self->channel, channel_after) : NULL;
    if (!tell || tell == Py_None) Py_RETURN_NONE;
    PyObject *given[] = {self->serial, received, sent};
    Py_INCREF(tell);
    PyObject *done = PyObject_Vectorcall(tell, given, 3, NULL);
    Py_DECREF(tell);
    Py_XDECREF(done);
    return done ? Py_NewRef(Py_None) : NULL;
}

static PyTypeObject after_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "graphscope.capture.kernel._native.After",
    .tp_doc = "graphscope.capture.nodes.After, compiled.",
    .tp_basicsize = sizeof(after_t),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_new = PyType_GenericNew,
    .tp_init = (initproc)After_init,
    .tp_dealloc = (destructor)After_dealloc,
    .tp_traverse = (traverseproc)After_traverse,
    .tp_clear = (inquiry)After_clear,
    .tp_call = (ternaryfunc)After_call,
};

/* --- The nodes that an op made -------------------------------------------------------- */

enum { MOST_NODES = 32, MOST_OPEN = 128, SPACING = 500 };

/* A node that was met for the first time. */
typedef struct {
    PyObject *grad_fn, *metadata, *edges;
} met_t;

static void forget(met_t *met, Py_ssize_t count) {
    for (Py_ssize_t index = 0; index < count; index++) {
        Py_DECREF(met[index].grad_fn);
        Py_XDECREF(met[index].metadata);
        Py_XDECREF(met[index].edges);
    }
}

static PyObject *target_of(PyObject *edges, Py_ssize_t index) {
    return PyTuple_GET_ITEM(PyTuple_GET_ITEM(edges, index), 0);
}

/* Whether the node that was met is what the record says, but for where its edges lead. */
static int is_named(const met_t *met, PyObject *node) {
    PyObject *name = PyObject_CallMethodNoArgs(met->grad_fn, str_name);
    if (!name) return -1;
    int is_it = PyObject_RichCompareBool(name, field(node, node_name), Py_EQ);
    Py_DECREF(name);
    if (is_it <= 0) return is_it;
    return PyTuple_GET_SIZE(met->edges) == PyList_GET_SIZE(field(node, node_edges));
}

/* Finds the nodes behind `outputs` in the order of NodeWatch.walk.
 *
 * Returns how many, -1 when they are not those of the record, -2 with an error. What
 * was met is to be forgotten in every case. */
static Py_ssize_t meet(
    PyObject *outputs, PyObject *nodes, PyObject *key, PyTypeObject *accumulator,
    met_t *met, Py_ssize_t *kept) {
    PyObject *open[MOST_OPEN];
    Py_ssize_t depth = 0, count = 0, wanted = PyList_GET_SIZE(nodes), result = -1;
    for (Py_ssize_t index = 0; index < PyList_GET_SIZE(outputs); index++) {
        PyObject *tensor = PyList_GET_ITEM(outputs, index);
        int wants = attribute_is(tensor, str_requires_grad, Py_True);
        int is_leaf = wants > 0 ? attribute_is(tensor, str_is_leaf, Py_True) : 1;
        if (wants < 0 || is_leaf < 0) goto failed;
        if (is_leaf) continue;
        if (depth == MOST_OPEN) goto done;
        if (!(open[depth] = PyObject_GetAttr(tensor, str_grad_fn))) goto failed;
        depth++;
    }
    while (depth) {
        PyObject *grad_fn = open[--depth];
        int is_seen = grad_fn == Py_None;
        for (Py_ssize_t index = 0; !is_seen && index < count; index++)
            is_seen = met[index].grad_fn == grad_fn;
        if (is_seen) {
            Py_DECREF(grad_fn);
            continue;
        }
        PyObject *metadata = PyObject_GetAttr(grad_fn, str_metadata);
        int is_known = metadata ? PyDict_Contains(metadata, key) : -1;
        if (is_known || count == wanted) {
            Py_DECREF(grad_fn);
            Py_XDECREF(metadata);
            if (is_known < 0) goto failed;
            if (is_known) continue;
            goto done;
        }
        met_t *fresh = &met[count];
        fresh->grad_fn = grad_fn;
        fresh->metadata = metadata;
        fresh->edges = PyObject_GetAttr(grad_fn, str_next_functions);
        *kept = ++count;
        if (!fresh->edges) goto failed;
        if (!PyTuple_Check(fresh->edges)) goto done;
        int is_it = is_named(fresh, PyList_GET_ITEM(nodes, count - 1));
        if (is_it < 0) goto failed;
        if (!is_it) goto done;
        for (Py_ssize_t index = 0; index < PyTuple_GET_SIZE(fresh->edges); index++) {
            PyObject *target = target_of(fresh->edges, index);
            if (target == Py_None || Py_TYPE(target) == accumulator) continue;
            if (depth == MOST_OPEN) goto done;
            open[depth++] = Py_NewRef(target);
        }
    }
    result = count == wanted ? count : -1;
    goto done;
failed:
    result = -2;
done:
    while (depth) Py_DECREF(open[--depth]);
    return result;
}

/* Whether an edge leads to the node that the record says. */
static int leads_to(
    PyObject *target, PyObject *node, PyObject *key, PyObject *known, PyObject *nodes,
    PyTypeObject *accumulator, PyObject *leaf_node, const met_t *met, Py_ssize_t count) {
    if (target == Py_None) return node == Py_None;
    if (Py_TYPE(target) == accumulator) {
        PyObject *variable = PyObject_GetAttr(target, str_variable);
        PyObject *found = variable ? PyObject_CallOneArg(leaf_node, variable) : NULL;
        Py_XDECREF(variable);
        if (!found) return -1;
        int is_it = found == node && node != Py_None;
        Py_DECREF(found);
        return is_it;
    }
    for (Py_ssize_t index = 0; index < count; index++)
        if (met[index].grad_fn == target) return PyList_GET_ITEM(nodes, index) == node;
    PyObject *metadata = PyObject_GetAttr(target, str_metadata);
    if (!metadata) return -1;
    PyObject *serial = PyDict_GetItemWithError(metadata, key);
    PyObject *found = serial ? PyDict_GetItemWithError(known, serial) : NULL;
    Py_DECREF(metadata);
    return found ? found == node : PyErr_Occurred() ? -1 : 0;
}

/* Notes how deep a node lies, and anchors those below it that are due: .deepguard. */
static int note_depth(const met_t *met, PyTypeObject *accumulator, PyObject *anchor) {
    long deepest = 0;
    PyObject *due = NULL;
    for (Py_ssize_t index = 0; index < PyTuple_GET_SIZE(met->edges); index++) {
        PyObject *target = target_of(met->edges, index);
        if (target == Py_None || Py_TYPE(target) == accumulator) continue;
        PyObject *metadata = PyObject_GetAttr(target, str_metadata);
        if (!metadata) goto failed;
        PyObject *found = PyDict_GetItemWithError(metadata, str_graphscope_depth);
        long below = found ? PyLong_AsLong(found) : 0;
        Py_DECREF(metadata);
        if (PyErr_Occurred()) goto failed;
        if (below > deepest) deepest = below;
        if (!below || below % SPACING) continue;
        PyObject *fresh = PyObject_CallOneArg(anchor, target);
        int is_kept = fresh && (due || (due = PyList_New(0))) && !PyList_Append(due, fresh);
        Py_XDECREF(fresh);
        if (!is_kept) goto failed;
    }
    PyObject *depth = PyLong_FromLong(deepest + 1);
    int failed = !depth || PyDict_SetItem(met->metadata, str_graphscope_depth, depth);
    Py_XDECREF(depth);
    if (!failed && due) failed = PyDict_SetItem(met->metadata, str_graphscope_anchors, due);
    Py_XDECREF(due);
    return failed ? -1 : 0;
failed:
    Py_XDECREF(due);
    return -1;
}

/* Gives a node its serial number and its hook. */
static int adopt(
    const met_t *met, PyObject *node, PyObject *key, PyObject *known, PyObject *serials,
    PyObject *channel) {
    PyObject *serial = PyIter_Next(serials);
    if (!serial) return -1;
    set_field(node, node_serial, Py_NewRef(serial));
    int failed = PyDict_SetItem(met->metadata, key, serial) || PyDict_SetItem(known, serial, node);
    if (!failed && PyDict_GET_SIZE(field(node, node_inbox))) {
        PyObject *empty = PyDict_New();
        if (empty) set_field(node, node_inbox, empty);
        failed = !empty;
    }
    after_t *hook = failed ? NULL : PyObject_GC_New(after_t, &after_type);
    if (hook) {
        hook->channel = Py_NewRef(channel);
        hook->serial = Py_NewRef(serial);
        PyObject_GC_Track(hook);
        PyObject *handle = PyObject_CallMethodOneArg(met->grad_fn, str_register_hook, (PyObject *)hook);
        failed = !handle;
        Py_XDECREF(handle);
        Py_DECREF(hook);
    } else {
        failed = 1;
    }
    Py_DECREF(serial);
    return failed ? -1 : 0;
}

/* Returns None for what only Python follows: hooks before nodes, very many nodes. */
static PyObject *follow_nodes(PyObject *module, PyObject *const *args, Py_ssize_t count) {
    (void)module;
    if (expect(count, 9)) return NULL;
    PyObject *outputs = args[0], *nodes = args[1], *key = args[2], *known = args[3];
    PyTypeObject *accumulator = (PyTypeObject *)args[4];
    PyObject *leaf_node = args[5], *serials = args[6], *channel = args[7], *anchor = args[8];
    if (!PyList_CheckExact(outputs) || !PyList_CheckExact(nodes) || !PyDict_CheckExact(known))
        return PyErr_Format(PyExc_TypeError, "follow_nodes was given something else");
    met_t met[MOST_NODES];
    Py_ssize_t kept = 0, found, wanted = PyList_GET_SIZE(nodes);
    int is_it = 0;
    if (wanted > MOST_NODES) Py_RETURN_NONE;
    for (Py_ssize_t index = 0; index < wanted; index++)
        if (field(PyList_GET_ITEM(nodes, index), node_before) == Py_True) Py_RETURN_NONE;
    found = meet(outputs, nodes, key, accumulator, met, &kept);
    for (Py_ssize_t index = 0; index < found; index++) {
        PyObject *expected = field(PyList_GET_ITEM(nodes, index), node_edges);
        for (Py_ssize_t edge = 0; edge < PyTuple_GET_SIZE(met[index].edges); edge++) {
            PyObject *pair = PyTuple_GET_ITEM(met[index].edges, edge);
            PyObject *planned = PyList_GET_ITEM(expected, edge);
            is_it = PyObject_RichCompareBool(
                PyTuple_GET_ITEM(pair, 1), PyTuple_GET_ITEM(planned, 1), Py_EQ);
            if (is_it > 0)
                is_it = leads_to(PyTuple_GET_ITEM(pair, 0), PyTuple_GET_ITEM(planned, 0), key,
                                 known, nodes, accumulator, leaf_node, met, found);
            if (is_it <= 0) goto done;
        }
    }
    is_it = found >= 0 ? 1 : found == -1 ? 0 : -1;
    for (Py_ssize_t index = found - 1; is_it > 0 && index >= 0; index--) {
        PyObject *node = PyList_GET_ITEM(nodes, index);
        if (note_depth(&met[index], accumulator, anchor) ||
            adopt(&met[index], node, key, known, serials, channel))
            is_it = -1;
    }
done:
    forget(met, kept);
    return is_it < 0 ? NULL : PyBool_FromLong(is_it);
}

/* --- The module ---------------------------------------------------------------------- */

static PyObject *configure(PyObject *module, PyObject *args) {
    PyObject *tensor, *parameter, *layout, *slot, *value, *node, *channel, *known;
    (void)module;
    if (!PyArg_ParseTuple(args, "O!O!OO!O!O!O!O!", &PyType_Type, &tensor, &PyType_Type, &parameter,
                          &layout, &PyType_Type, &slot, &PyType_Type, &value, &PyType_Type, &node,
                          &PyType_Type, &channel, &PyType_Type, &known))
        return NULL;
    PyObject *table = PyObject_GetAttrString(tensor, "__dlpack_c_exchange_api__");
    if (!table) return NULL;
    const exchange_t *offered = PyCapsule_GetPointer(table, "dlpack_exchange_api");
    Py_DECREF(table); /* what it points to is static */
    if (!offered) return NULL;
    if (offered->version.major != 1 || !offered->describe)
        return PyErr_Format(PyExc_ImportError, "another version of DLPack");
    const struct { PyObject *type; const char *name; Py_ssize_t *offset; } wanted[] = {
        {slot, "shape", &slot_shape}, {slot, "kind_of_number", &slot_dtype},
        {slot, "seen", &slot_seen}, {slot, "label", &slot_label}, {slot, "value", &slot_value},
        {value, "shape", &value_shape}, {value, "kind_of_number", &value_dtype},
        {value, "place", &value_place}, {value, "requires_grad", &value_wants},
        {value, "is_leaf", &value_leaf}, {value, "has_hook", &value_hooked},
        {node, "edges", &node_edges}, {node, "inbox", &node_inbox},
        {node, "name", &node_name}, {node, "serial", &node_serial},
        {node, "wants_before", &node_before}, {channel, "after", &channel_after},
        {known, "reference", &known_reference}, {known, "hook", &known_hook},
        {known, "hook_id", &known_hook_id}, {known, "value", &known_value},
        {known, "version", &known_version}, {value, "step", &value_step},
    };
    for (size_t index = 0; index < sizeof wanted / sizeof *wanted; index++) {
        *wanted[index].offset = offset_in((PyTypeObject *)wanted[index].type, wanted[index].name);
        if (*wanted[index].offset < 0) return NULL;
    }
    exchange = offered;
    Py_XSETREF(tensor_type, (PyTypeObject *)Py_NewRef(tensor));
    Py_XSETREF(parameter_type, (PyTypeObject *)Py_NewRef(parameter));
    Py_XSETREF(slot_type, (PyTypeObject *)Py_NewRef(slot));
    Py_XSETREF(value_type, (PyTypeObject *)Py_NewRef(value));
    Py_XSETREF(strided, Py_NewRef(layout));
    Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
    {"configure", configure, METH_VARARGS, "Tell torch's types and those of the records."},
    {"is_same_chain", (PyCFunction)(void (*)(void))is_same_chain, METH_FASTCALL,
     "graphscope.capture.recipes.is_same_chain, compiled."},
    {"run_gated", (PyCFunction)(void (*)(void))run_gated, METH_FASTCALL,
     "graphscope.capture.guard.plain_run_gated, compiled."},
    {"entry", (PyCFunction)(void (*)(void))entry, METH_FASTCALL,
     "graphscope.capture.identity.TensorTable.entry, compiled."},
    {"accept_all", (PyCFunction)(void (*)(void))accept_all, METH_FASTCALL,
     "graphscope.capture.following.OpFollower.accept_all, compiled."},
    {"changed_and_made", (PyCFunction)(void (*)(void))changed_and_made, METH_FASTCALL,
     "graphscope.capture.following.plain_changed_and_made, compiled."},
    {"are_alike", (PyCFunction)(void (*)(void))are_alike, METH_FASTCALL,
     "graphscope.capture.likeness.are_alike, compiled."},
    {"address_of", address_of, METH_O, "graphscope.capture.memory.address_of, compiled."},
    {"version_of", version_of_tensor, METH_O,
     "graphscope.capture.likeness.version_of, compiled."},
    {"is_like", (PyCFunction)(void (*)(void))is_like, METH_FASTCALL,
     "graphscope.capture.likeness.is_like, compiled."},
    {"read_node", (PyCFunction)(void (*)(void))read_node, METH_FASTCALL,
     "graphscope.capture.flows.read_node, compiled."},
    {"follow_nodes", (PyCFunction)(void (*)(void))follow_nodes, METH_FASTCALL,
     "graphscope.capture.nodes.NodeWatch.follow, compiled."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, .m_name = "graphscope.capture.kernel._native",
    .m_doc = "The compiled half of capture.", .m_size = -1, .m_methods = functions,
};

PyMODINIT_FUNC PyInit__native(void) {
#define INTERN(name)                                                                   \
    if (!(str_##name = PyUnicode_InternFromString(#name))) return NULL;
    NAMES(INTERN)
    if (PyType_Ready(&reader_type) || PyType_Ready(&after_type)) return NULL;
    PyObject *module = PyModule_Create(&definition);
    if (!module) return NULL;
    if (PyModule_AddObjectRef(module, "Reader", (PyObject *)&reader_type) ||
        PyModule_AddObjectRef(module, "After", (PyObject *)&after_type)) {
        Py_DECREF(module);
        return NULL;
    }
    return module;
}
