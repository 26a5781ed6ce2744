/*
 * view/text.c
 *		The picture as an indented tree, for a terminal of 80 columns.
 *
 * Plain ASCII but for the names, so that it can be shown in every encoding. A
 * workflow shows where its states lead; a run shows what they did instead.
 */
#include "postgres.h"

#include "view/render.h"

#include "lib/stringinfo.h"
#include "miscadmin.h"

#define WIDTH 80
#define STATUS_WIDTH 11
#define TIME_WIDTH 13
#define ATTEMPTS_WIDTH 9
#define ROWS_WIDTH 12

/* what is left for the name of a state when a run is shown */
#define NAME_WIDTH (WIDTH - STATUS_WIDTH - TIME_WIDTH - ATTEMPTS_WIDTH - ROWS_WIDTH - 2)

static void
append_padded(StringInfo buf, const char *text, int width)
{
	appendStringInfoString(buf, text);
	for (int i = olist_layout_characters(text); i < width; i++)
		appendStringInfoChar(buf, ' ');
}

static void
append_right(StringInfo buf, const char *text, int width)
{
	for (int i = olist_layout_characters(text); i < width; i++)
		appendStringInfoChar(buf, ' ');
	appendStringInfoString(buf, text);
}

/* the end of a line is no place for blanks */
static void
end_line(StringInfo buf)
{
	while (buf->len > 0 && buf->data[buf->len - 1] == ' ')
		buf->data[--buf->len] = '\0';
	appendStringInfoChar(buf, '\n');
}

static void
append_node(StringInfo buf, const OlistLayout *layout, const OlistNode *node, const char *indent)
{
	const OlistMeasure *measure = &node->measure;
	bool timed = measure->entered > 0;
	char *kind = olist_layout_kind(node);
	char *line = psprintf("%s%s%s%s%s", indent, node->state->name, kind[0] == '\0' ? "" : " (",
						  kind, kind[0] == '\0' ? "" : ")");

	if (layout->status == NULL)
	{
		appendStringInfoString(buf, olist_layout_clip(line, WIDTH));
		end_line(buf);
		return;
	}
	append_padded(buf, olist_layout_clip(line, NAME_WIDTH), NAME_WIDTH);
	appendStringInfoString(buf, "  ");
	append_padded(buf, olist_shown_word(node->shown), STATUS_WIDTH);
	append_right(buf, timed ? olist_layout_duration(measure->first, measure->last) : "",
				 TIME_WIDTH);
	append_right(buf, measure->attempts > 0 ? olist_layout_count(measure->attempts) : "",
				 ATTEMPTS_WIDTH);
	append_right(buf, measure->rows >= 0 ? olist_layout_count(measure->rows) : "", ROWS_WIDTH);
	end_line(buf);
}

/* does the column end here, though lines follow? */
static bool
ends_early(const OlistColumn *column, const OlistNode *node)
{
	OlistStateKind kind = node->state->kind;

	return node->state->next == NULL && kind != OLIST_STATE_CHOICE && kind != OLIST_STATE_SUCCEED &&
		   kind != OLIST_STATE_FAIL && node->place < column->count - 1;
}

/* where a state leads, unless it is simply to the next line */
static void
append_edges(StringInfo buf, const OlistColumn *column, const OlistNode *node, const char *indent)
{
	if (ends_early(column, node))
		appendStringInfo(buf, "%s  -> end\n", indent);
	for (int i = 0; i < node->edge_count; i++)
	{
		const OlistEdge *edge = &node->edges[i];
		const char *word = edge->kind == OLIST_EDGE_CATCH	 ? "on "
						   : edge->kind == OLIST_EDGE_CHOICE ? "if "
															 : "";

		if (edge->kind == OLIST_EDGE_NEXT && edge->to->place == node->place + 1)
			continue;
		appendStringInfoString(
			buf,
			olist_layout_clip(psprintf("%s  %s%s%s-> %s", indent, word, edge->label,
									   edge->label[0] == '\0' ? "" : " ", edge->to->state->name),
							  WIDTH));
		end_line(buf);
	}
}

static void
append_column(StringInfo buf, const OlistLayout *layout, const OlistColumn *column,
			  const char *first, const char *rest)
{
	check_stack_depth();
	for (int i = 0; i < column->count; i++)
	{
		const OlistNode *node = column->nodes[i];
		const char *indent = i == 0 ? first : rest;

		append_node(buf, layout, node, indent);
		for (int c = 0; c < node->column_count; c++)
			append_column(buf, layout, &node->columns[c],
						  psprintf("%s%s", rest, node->column_count > 1 ? "+ " : "  "),
						  psprintf("%s%s", rest, node->column_count > 1 ? "| " : "  "));
		if (layout->status == NULL)
			append_edges(buf, column, node, rest);
	}
}

char *
olist_render_text(const OlistLayout *layout)
{
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfoString(&buf, olist_layout_clip(layout->title, WIDTH));
	if (layout->status != NULL)
	{
		appendStringInfo(&buf, ": %s, %s\n\n", layout->status,
						 olist_layout_duration(layout->started, layout->ended));
		append_padded(&buf, "state", NAME_WIDTH);
		appendStringInfoString(&buf, "  ");
		append_padded(&buf, "status", STATUS_WIDTH);
		append_right(&buf, "time", TIME_WIDTH);
		append_right(&buf, "attempts", ATTEMPTS_WIDTH);
		append_right(&buf, "rows", ROWS_WIDTH);
	}
	appendStringInfoChar(&buf, '\n');
	append_column(&buf, layout, &layout->top, "", "");

	/* the last line needs no end */
	buf.data[--buf.len] = '\0';
	return buf.data;
}
