/*
 * view/layout.c
 *		From a machine to boxes: which states stand where, what leads from which to
 *		which, and what each did in a run.
 *
 *		machine ──► columns of nodes, edges ──► measures of a run ──► places in pixels
 */
#include "postgres.h"

#include "view/layout.h"

#include "lib/stringinfo.h"
#include "miscadmin.h"

/* pixels of the picture */
#define CHARACTER_WIDTH 8
#define SMALL_CHARACTER_WIDTH 7
#define NODE_MIN_WIDTH 140
#define NODE_MAX_CHARACTERS 40
#define NODE_HEIGHT 46
#define NODE_GAP 34
#define BOX_PADDING 16
#define BOX_TITLE 34
#define LANE_WIDTH 14
#define COLUMN_GAP 24

#define MAX_LABEL 40

/* ---------- text ---------- */

int
olist_layout_characters(const char *text)
{
	int count = 0;

	for (; *text != '\0'; text++)
		count += (*text & 0xC0) != 0x80;
	return count;
}

char *
olist_layout_clip(const char *text, int characters)
{
	const char *end = text;

	if (olist_layout_characters(text) <= characters)
		return pstrdup(text);
	for (int i = 0; i < Max(characters - 3, 0); i++)
	{
		end++;
		while ((*end & 0xC0) == 0x80)
			end++;
	}
	return psprintf("%s...", pnstrdup(text, end - text));
}

char *
olist_layout_duration(OlistTime from, OlistTime to)
{
	double seconds = (double) Max(to - from, 0) / 1000000.0;

	if (seconds < 1)
		return psprintf("%.0f ms", seconds * 1000);
	if (seconds < 100)
		return psprintf("%.1f s", seconds);
	if (seconds < 6000)
		return psprintf("%d min %d s", (int) seconds / 60, (int) seconds % 60);
	if (seconds < 360000)
		return psprintf("%d h %d min", (int) (seconds / 3600), (int) (seconds / 60) % 60);
	return psprintf("%.0f days", seconds / 86400);
}

char *
olist_layout_count(int64 count)
{
	char digits[32];
	StringInfoData buf;
	int len = snprintf(digits, sizeof(digits), INT64_FORMAT, count);

	initStringInfo(&buf);
	for (int i = 0; i < len; i++)
	{
		if (i > 0 && (len - i) % 3 == 0 && digits[i - 1] != '-')
			appendStringInfoChar(&buf, ',');
		appendStringInfoChar(&buf, digits[i]);
	}
	return buf.data;
}

const char *
olist_shown_word(OlistShown shown)
{
	static const char *const words[] = {"",		  "not reached", "running",	 "succeeded",
										"caught", "failed",		 "cancelled"};

	return words[shown];
}

/* ---------- conditions in words ---------- */

static void append_rule(StringInfo buf, const OlistJson *rule);

static void
append_rules(StringInfo buf, const OlistJson *rules, const char *between)
{
	for (int i = 0; i < rules->count; i++)
	{
		appendStringInfoString(buf, i > 0 ? between : "");
		append_rule(buf, rules->items[i]);
	}
}

/* "$.new = 0", "$.x is missing" */
static void
append_comparison(StringInfo buf, const OlistJson *rule, const OlistJsonMember *test)
{
	static const struct
	{
		const char *part;
		const char *sign;
	} signs[] = {{"LessThanEquals", "<="}, {"GreaterThanEquals", ">="},
				 {"LessThan", "<"},		   {"GreaterThan", ">"},
				 {"Equals", "="},		   {"Matches", "like"}};
	const OlistJson *variable = olist_json_get(rule, "Variable");

	appendStringInfoString(buf, variable == NULL ? "" : variable->text);
	if (strncmp(test->key, "Is", 2) == 0)
	{
		appendStringInfo(buf, " is %s%c%s", test->value->boolean ? "" : "not ",
						 test->key[2] - 'A' + 'a', test->key + 3);
		return;
	}
	for (size_t i = 0; i < lengthof(signs); i++)
	{
		if (strstr(test->key, signs[i].part) != NULL)
		{
			appendStringInfo(buf, " %s ", signs[i].sign);
			break;
		}
	}
	appendStringInfoString(buf, test->value->type == OLIST_JSON_STRING
									? test->value->text
									: olist_json_print(test->value, NULL));
}

static void
append_rule(StringInfo buf, const OlistJson *rule)
{
	check_stack_depth();
	for (int i = 0; i < rule->count; i++)
	{
		const OlistJsonMember *member = &rule->members[i];

		if (strcmp(member->key, "And") == 0)
			append_rules(buf, member->value, " and ");
		else if (strcmp(member->key, "Or") == 0)
			append_rules(buf, member->value, " or ");
		else if (strcmp(member->key, "Not") == 0)
		{
			appendStringInfoString(buf, "not ");
			append_rule(buf, member->value);
		}
		else if (strcmp(member->key, "Variable") != 0 && strcmp(member->key, "Next") != 0 &&
				 strcmp(member->key, "Assign") != 0 && strcmp(member->key, "Comment") != 0)
			append_comparison(buf, rule, member);
	}
}

/* a rule's Comment says best what it means */
static char *
rule_label(const OlistJson *rule)
{
	const OlistJson *comment = olist_json_get(rule, "Comment");
	StringInfoData buf;

	if (comment != NULL && comment->type == OLIST_JSON_STRING)
		return olist_layout_clip(comment->text, MAX_LABEL);
	initStringInfo(&buf);
	append_rule(&buf, rule);
	return olist_layout_clip(buf.data, MAX_LABEL);
}

static char *
catcher_label(const OlistJson *catcher)
{
	const OlistJson *names = olist_json_get(catcher, "ErrorEquals");
	StringInfoData buf;

	initStringInfo(&buf);
	for (int i = 0; i < names->count; i++)
		appendStringInfo(&buf, "%s%s", i > 0 ? ", " : "", names->items[i]->text);
	return olist_layout_clip(strcmp(buf.data, "States.ALL") == 0 ? "any error" : buf.data,
							 MAX_LABEL);
}

/* ---------- columns ---------- */

static void layout_column(OlistLayout *layout, OlistColumn *column, const OlistSequence *sequence);

/* the states that state may go to, in the order of drawing; returns how many */
static int
successors(const OlistState *state, const OlistState **targets)
{
	const OlistJson *choices = olist_json_get(state->json, "Choices");
	const OlistJson *fallback = olist_json_get(state->json, "Default");
	const OlistJson *catchers = olist_json_get(state->json, "Catch");
	int count = 0;

	if (state->next != NULL)
		targets[count++] = state->next;
	for (int i = 0; choices != NULL && i < choices->count; i++)
		targets[count++] =
			olist_sequence_find(state->sequence, olist_json_get(choices->items[i], "Next")->text);
	if (fallback != NULL)
		targets[count++] = olist_sequence_find(state->sequence, fallback->text);
	for (int i = 0; catchers != NULL && i < catchers->count; i++)
		targets[count++] =
			olist_sequence_find(state->sequence, olist_json_get(catchers->items[i], "Next")->text);
	return count;
}

static int
max_successors(const OlistState *state)
{
	const OlistJson *choices = olist_json_get(state->json, "Choices");
	const OlistJson *catchers = olist_json_get(state->json, "Catch");

	return 2 + (choices == NULL ? 0 : choices->count) + (catchers == NULL ? 0 : catchers->count);
}

/* one state on the way of the search, and how many of its successors were looked at */
typedef struct Visit
{
	const OlistState *state;
	const OlistState **targets;
	int count;
	int at;
} Visit;

/*
 * The states of a sequence so that each comes before those it leads to, loops
 * aside: the reverse of the order in which a depth-first search leaves them,
 * successors taken last to first. Without recursion, as chains may be long.
 */
static const OlistState **
order_states(const OlistSequence *sequence)
{
	const OlistState **order = palloc(sequence->count * sizeof(OlistState *));
	Visit *stack = palloc(sequence->count * sizeof(Visit));
	bool *seen = palloc0(sequence->count * sizeof(bool));
	int depth = 0;
	int free = sequence->count;
	const OlistState *state = sequence->start;

	while (state != NULL || depth > 0)
	{
		Visit *visit;

		if (state != NULL)
		{
			visit = &stack[depth++];
			seen[state - sequence->states] = true;
			visit->state = state;
			visit->targets = palloc(max_successors(state) * sizeof(OlistState *));
			visit->count = successors(state, visit->targets);
			visit->at = visit->count;
		}
		visit = &stack[depth - 1];
		state = NULL;
		while (visit->at > 0 && state == NULL)
		{
			const OlistState *target = visit->targets[--visit->at];

			if (!seen[target - sequence->states])
				state = target;
		}
		if (state == NULL)
		{
			order[--free] = visit->state;
			depth--;
		}
	}
	return order + free;
}

static void
add_edge(OlistLayout *layout, OlistNode *node, OlistEdgeKind kind, const char *target, char *label)
{
	OlistEdge *edge = &node->edges[node->edge_count++];

	edge->kind = kind;
	edge->to = olist_layout_find(layout, target);
	edge->label = label;
}

static void
add_edges(OlistLayout *layout, OlistNode *node)
{
	const OlistJson *json = node->state->json;
	const OlistJson *choices = olist_json_get(json, "Choices");
	const OlistJson *fallback = olist_json_get(json, "Default");
	const OlistJson *catchers = olist_json_get(json, "Catch");

	node->edges = palloc0(max_successors(node->state) * sizeof(OlistEdge));
	if (node->state->next != NULL)
		add_edge(layout, node, OLIST_EDGE_NEXT, node->state->next->name, pstrdup(""));
	for (int i = 0; choices != NULL && i < choices->count; i++)
		add_edge(layout, node, OLIST_EDGE_CHOICE, olist_json_get(choices->items[i], "Next")->text,
				 rule_label(choices->items[i]));
	if (fallback != NULL)
		add_edge(layout, node, OLIST_EDGE_DEFAULT, fallback->text, pstrdup("else"));
	for (int i = 0; catchers != NULL && i < catchers->count; i++)
		add_edge(layout, node, OLIST_EDGE_CATCH, olist_json_get(catchers->items[i], "Next")->text,
				 catcher_label(catchers->items[i]));
}

static OlistNode *
add_node(OlistLayout *layout, const OlistState *state, int place)
{
	OlistNode *node = palloc0(sizeof(OlistNode));

	node->state = state;
	node->place = place;
	node->id = layout->node_count;
	node->measure.rows = -1;
	if ((layout->node_count & (layout->node_count - 1)) == 0)
	{
		int capacity = Max(layout->node_count * 2, 1);

		layout->nodes = layout->nodes == NULL
							? palloc(capacity * sizeof(OlistNode *))
							: repalloc(layout->nodes, capacity * sizeof(OlistNode *));
	}
	layout->nodes[layout->node_count++] = node;
	olist_json_set(layout->ids, state->name, olist_json_int(node->id));
	return node;
}

static void
layout_column(OlistLayout *layout, OlistColumn *column, const OlistSequence *sequence)
{
	const OlistState **order = order_states(sequence);

	check_stack_depth();
	column->count = sequence->count;
	column->nodes = palloc(column->count * sizeof(OlistNode *));
	for (int i = 0; i < column->count; i++)
	{
		OlistNode *node = add_node(layout, order[i], i);

		column->nodes[i] = node;
		node->column_count = order[i]->part_count;
		node->columns = palloc0(Max(node->column_count, 1) * sizeof(OlistColumn));
		for (int c = 0; c < node->column_count; c++)
			layout_column(layout, &node->columns[c], &order[i]->parts[c]);
	}
	for (int i = 0; i < column->count; i++)
		add_edges(layout, column->nodes[i]);
}

OlistLayout *
olist_layout_create(const OlistMachine *machine, const char *title)
{
	OlistLayout *layout = palloc0(sizeof(OlistLayout));

	layout->title = pstrdup(title);
	layout->ids = olist_json_object();
	layout_column(layout, &layout->top, &machine->top);
	return layout;
}

OlistNode *
olist_layout_find(const OlistLayout *layout, const char *name)
{
	int64 id;

	return olist_json_to_int64(olist_json_get(layout->ids, name), &id) ? layout->nodes[id] : NULL;
}

/* ---------- what the states did ---------- */

static OlistShown
judge(const OlistNode *node, const char *status)
{
	const OlistMeasure *measure = &node->measure;

	if (measure->entered == 0)
		return OLIST_SHOWN_NOT_REACHED;
	if (measure->entered > measure->exited)
	{
		if (node->state->kind == OLIST_STATE_FAIL || measure->failing)
			return strcmp(status, "RUNNING") == 0 && node->state->kind != OLIST_STATE_FAIL
					   ? OLIST_SHOWN_RUNNING
					   : OLIST_SHOWN_FAILED;
		if (strcmp(status, "RUNNING") == 0)
			return OLIST_SHOWN_RUNNING;

		/* what nobody stopped has failed before it could say so */
		return measure->cancelled || strcmp(status, "FAILED") != 0 ? OLIST_SHOWN_CANCELLED
																   : OLIST_SHOWN_FAILED;
	}
	return measure->caught > 0 ? OLIST_SHOWN_CAUGHT : OLIST_SHOWN_SUCCEEDED;
}

void
olist_layout_judge(OlistLayout *layout, const char *status, OlistTime started, OlistTime ended)
{
	layout->status = status;
	layout->started = started;
	layout->ended = ended;
	for (int i = 0; i < layout->node_count; i++)
	{
		OlistNode *node = layout->nodes[i];

		node->shown = judge(node, status);
		if (node->shown == OLIST_SHOWN_RUNNING)
			node->measure.last = ended;
	}
}

/* ---------- what stands in a node ---------- */

/* "12 s, 3 attempts, 1,234 rows", "" if nothing is known */
static char *
measure_text(const OlistNode *node)
{
	const OlistMeasure *measure = &node->measure;
	StringInfoData buf;

	initStringInfo(&buf);
	if (measure->entered == 0)
		return buf.data;
	appendStringInfoString(&buf, olist_layout_duration(measure->first, measure->last));
	if (measure->attempts > measure->entered)
		appendStringInfo(&buf, ", %s attempts", olist_layout_count(measure->attempts));
	if (measure->rows >= 0)
		appendStringInfo(&buf, ", %s rows", olist_layout_count(measure->rows));
	return buf.data;
}

char *
olist_layout_kind(const OlistNode *node)
{
	if (node->state->kind == OLIST_STATE_PARALLEL)
		return pstrdup("parallel");
	if (node->state->kind != OLIST_STATE_MAP)
		return pstrdup("");
	if (node->measure.items > 0)
		return psprintf("map, %s of %s", olist_layout_count(node->measure.items_done),
						olist_layout_count(node->measure.items));
	return pstrdup("map");
}

char *
olist_layout_name(const OlistNode *node)
{
	char *kind = olist_layout_kind(node);

	return psprintf("%s%s%s", olist_layout_clip(node->state->name, NODE_MAX_CHARACTERS),
					kind[0] == '\0' ? "" : ", ", kind);
}

char *
olist_layout_did(const OlistNode *node)
{
	char *measure = measure_text(node);
	const char *word = olist_shown_word(node->shown);

	return psprintf("%s%s%s", word, word[0] != '\0' && measure[0] != '\0' ? ", " : "", measure);
}

/* ---------- places ---------- */

/* of the columns of a box, side by side */
static int
columns_width(const OlistNode *node)
{
	int width = 0;

	for (int i = 0; i < node->column_count; i++)
		width += node->columns[i].width + (i > 0 ? COLUMN_GAP : 0);
	return width;
}

static void size_column(OlistColumn *column);

static void
size_node(OlistNode *node)
{
	int name = olist_layout_characters(olist_layout_name(node)) * CHARACTER_WIDTH;
	int did = olist_layout_characters(olist_layout_did(node)) * SMALL_CHARACTER_WIDTH;

	check_stack_depth();
	node->width = node->column_count > 0 ? name + did * CHARACTER_WIDTH / SMALL_CHARACTER_WIDTH
										 : Max(name, did);
	node->width = Max(NODE_MIN_WIDTH, node->width + 2 * BOX_PADDING);
	node->height = NODE_HEIGHT;
	if (node->column_count > 0)
	{
		int height = 0;

		for (int i = 0; i < node->column_count; i++)
		{
			size_column(&node->columns[i]);
			height = Max(height, node->columns[i].height);
		}
		node->width = Max(node->width, columns_width(node) + 2 * BOX_PADDING);
		node->height = BOX_TITLE + height + BOX_PADDING;
	}
}

/* does this edge go round states rather than straight to the next one? */
static bool
goes_round(const OlistNode *node, const OlistEdge *edge)
{
	return edge->to->place != node->place + 1;
}

static void
size_column(OlistColumn *column)
{
	column->width = 0;
	column->height = 0;
	column->lanes = 0;
	for (int i = 0; i < column->count; i++)
	{
		OlistNode *node = column->nodes[i];

		size_node(node);
		column->width = Max(column->width, node->width);
		column->height += node->height + (i > 0 ? NODE_GAP : 0);
		for (int e = 0; e < node->edge_count; e++)
			column->lanes += goes_round(node, &node->edges[e]);
	}
	column->width += column->lanes * LANE_WIDTH;
}

static void
place_column(OlistColumn *column, int x, int y)
{
	int inner = column->width - column->lanes * LANE_WIDTH;

	check_stack_depth();
	column->x = x;
	column->y = y;
	for (int i = 0; i < column->count; i++)
	{
		OlistNode *node = column->nodes[i];
		int column_x;

		node->x = x + (inner - node->width) / 2;
		node->y = y;
		column_x = node->x + (node->width - columns_width(node)) / 2;
		for (int c = 0; c < node->column_count; c++)
		{
			place_column(&node->columns[c], column_x, node->y + BOX_TITLE);
			column_x += node->columns[c].width + COLUMN_GAP;
		}
		y += node->height + NODE_GAP;
	}
}

void
olist_layout_place(OlistLayout *layout)
{
	size_column(&layout->top);
	place_column(&layout->top, BOX_PADDING, BOX_PADDING + BOX_TITLE);
	layout->width = layout->top.x + layout->top.width;
	layout->height = layout->top.y + layout->top.height + BOX_PADDING;
	for (int i = 0; i < layout->node_count; i++)
	{
		const OlistNode *node = layout->nodes[i];

		/* labels begin right of the node, or in its middle */
		for (int e = 0; e < node->edge_count; e++)
			layout->width = Max(layout->width, node->x + node->width +
												   olist_layout_characters(node->edges[e].label) *
													   SMALL_CHARACTER_WIDTH);
	}
	layout->width += BOX_PADDING;
}
