/*
 * asl/json.c
 *		The tree: building it, looking up in it, copying it.
 *
 * Objects keep insertion order; from INDEX_FROM members on they carry a hash
 * table, so that a hostile document cannot make building or lookup quadratic.
 */
#include "postgres.h"

#include "asl/json.h"

#include "common/hashfn.h"
#include "miscadmin.h"

/* objects of fewer members are searched from the front */
#define INDEX_FROM 17

static OlistJson *
new_node(OlistJsonType type)
{
	OlistJson *json = palloc0(sizeof(OlistJson));

	json->type = type;
	return json;
}

OlistJson *
olist_json_null(void)
{
	return new_node(OLIST_JSON_NULL);
}

OlistJson *
olist_json_boolean(bool value)
{
	OlistJson *json = new_node(OLIST_JSON_BOOLEAN);

	json->boolean = value;
	return json;
}

static OlistJson *
new_text_node(OlistJsonType type, const char *text, int len)
{
	OlistJson *json = new_node(type);

	json->text = palloc(len + 1);
	memcpy(json->text, text, len);
	json->text[len] = '\0';
	json->count = len;
	return json;
}

OlistJson *
olist_json_int(int64 value)
{
	char text[32];
	int len = snprintf(text, sizeof(text), INT64_FORMAT, value);

	return new_text_node(OLIST_JSON_NUMBER, text, len);
}

OlistJson *
olist_json_number(const char *text, int len)
{
	return new_text_node(OLIST_JSON_NUMBER, text, len);
}

OlistJson *
olist_json_string(const char *text)
{
	return new_text_node(OLIST_JSON_STRING, text, (int) strlen(text));
}

OlistJson *
olist_json_string_n(const char *text, int len)
{
	return new_text_node(OLIST_JSON_STRING, text, len);
}

OlistJson *
olist_json_array(void)
{
	return new_node(OLIST_JSON_ARRAY);
}

OlistJson *
olist_json_object(void)
{
	return new_node(OLIST_JSON_OBJECT);
}

void
olist_json_append(OlistJson *array, OlistJson *value)
{
	Assert(array->type == OLIST_JSON_ARRAY);
	if (array->count == array->capacity)
	{
		array->capacity = Max(4, array->capacity * 2);
		if (array->items == NULL)
			array->items = palloc(array->capacity * sizeof(OlistJson *));
		else
			array->items = repalloc_huge(array->items, array->capacity * sizeof(OlistJson *));
	}
	array->items[array->count++] = value;
}

static bool
key_is(const OlistJsonMember *member, const char *key, int key_len)
{
	return member->key_len == key_len && memcmp(member->key, key, key_len) == 0;
}

static uint32
key_hash(const char *key, int key_len)
{
	return hash_bytes((const unsigned char *) key, key_len);
}

/* the slot of key in the object's hash table: its member's, or the free one where it belongs */
static int *
index_slot(const OlistJson *object, const char *key, int key_len)
{
	uint32 mask = object->index_size - 1;
	uint32 at = key_hash(key, key_len) & mask;

	while (object->index[at] >= 0 && !key_is(&object->members[object->index[at]], key, key_len))
		at = (at + 1) & mask;
	return &object->index[at];
}

static void
build_index(OlistJson *object)
{
	if (object->index != NULL)
		pfree(object->index);
	object->index_size = Max(64, object->index_size * 2);
	object->index = palloc(object->index_size * sizeof(int));
	for (int i = 0; i < object->index_size; i++)
		object->index[i] = -1;
	for (int i = 0; i < object->count; i++)
		*index_slot(object, object->members[i].key, object->members[i].key_len) = i;
}

static OlistJsonMember *
find_member(const OlistJson *object, const char *key, int key_len)
{
	if (object->index != NULL)
	{
		int at = *index_slot(object, key, key_len);

		return at < 0 ? NULL : &object->members[at];
	}
	for (int i = 0; i < object->count; i++)
	{
		if (key_is(&object->members[i], key, key_len))
			return &object->members[i];
	}
	return NULL;
}

void
olist_json_set_n(OlistJson *object, const char *key, int key_len, OlistJson *value)
{
	OlistJsonMember *member = find_member(object, key, key_len);

	Assert(object->type == OLIST_JSON_OBJECT);
	if (member != NULL)
	{
		member->value = value;
		return;
	}
	if (object->count == object->capacity)
	{
		object->capacity = Max(4, object->capacity * 2);
		if (object->members == NULL)
			object->members = palloc(object->capacity * sizeof(OlistJsonMember));
		else
			object->members =
				repalloc_huge(object->members, object->capacity * sizeof(OlistJsonMember));
	}
	member = &object->members[object->count++];
	member->key = palloc(key_len + 1);
	memcpy(member->key, key, key_len);
	member->key[key_len] = '\0';
	member->key_len = key_len;
	member->value = value;
	if (object->index == NULL ? object->count >= INDEX_FROM
							  : object->count > object->index_size / 2)
		build_index(object);
	else if (object->index != NULL)
		*index_slot(object, key, key_len) = object->count - 1;
}

void
olist_json_set(OlistJson *object, const char *key, OlistJson *value)
{
	olist_json_set_n(object, key, (int) strlen(key), value);
}

OlistJson *
olist_json_get_n(const OlistJson *object, const char *key, int key_len)
{
	OlistJsonMember *member;

	if (object == NULL || object->type != OLIST_JSON_OBJECT)
		return NULL;
	member = find_member(object, key, key_len);
	return member == NULL ? NULL : member->value;
}

int
olist_json_find(const OlistJson *object, const char *key, int key_len)
{
	OlistJsonMember *member = find_member(object, key, key_len);

	return member == NULL ? -1 : (int) (member - object->members);
}

OlistJson *
olist_json_get(const OlistJson *object, const char *key)
{
	return olist_json_get_n(object, key, (int) strlen(key));
}

OlistJson *
olist_json_copy_shallow(const OlistJson *json)
{
	OlistJson *copy = new_node(json->type);

	if (json->type == OLIST_JSON_ARRAY)
	{
		for (int i = 0; i < json->count; i++)
			olist_json_append(copy, json->items[i]);
	}
	else
	{
		Assert(json->type == OLIST_JSON_OBJECT);
		for (int i = 0; i < json->count; i++)
			olist_json_set_n(copy, json->members[i].key, json->members[i].key_len,
							 json->members[i].value);
	}
	return copy;
}

OlistJson *
olist_json_copy(const OlistJson *json)
{
	OlistJson *copy;

	check_stack_depth();
	switch (json->type)
	{
		case OLIST_JSON_NULL:
			return olist_json_null();
		case OLIST_JSON_BOOLEAN:
			return olist_json_boolean(json->boolean);
		case OLIST_JSON_NUMBER:
		case OLIST_JSON_STRING:
			return new_text_node(json->type, json->text, json->count);
		case OLIST_JSON_ARRAY:
			copy = olist_json_array();
			for (int i = 0; i < json->count; i++)
				olist_json_append(copy, olist_json_copy(json->items[i]));
			return copy;
		case OLIST_JSON_OBJECT:
			break;
	}
	copy = olist_json_object();
	for (int i = 0; i < json->count; i++)
		olist_json_set_n(copy, json->members[i].key, json->members[i].key_len,
						 olist_json_copy(json->members[i].value));
	return copy;
}
