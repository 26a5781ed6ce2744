# What a run does with a batch, and with what runs before it have left: it merges
# where a warehouse is, and builds a whole one at first, from another source, when
# there is none any more, and on request. A build that was never published, of
# either kind, is no part of the next.
use strict;
use warnings;

use Olist;
use Olist::Pipeline;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = olist_cluster('main');
my $drops = Olist::Pipeline->new($node, scale => 0.02, split => 'month');
my $later = PostgreSQL::Test::Utils::tempdir();
my $directory = $drops->directory;

sub sql
{
	return $node->safe_psql('postgres', $_[0]);
}

# what a run executes, in its order
sub states
{
	return sql(q{SELECT string_agg(state, ', ' ORDER BY started_at) FROM (
			SELECT state, min(started_at) AS started_at FROM olist_etl.task
			WHERE run_id = (SELECT max(run_id) FROM olist_etl.run) GROUP BY state) AS s});
}

# rows that are staged, their markers, and tables of an unfinished build
sub left_behind
{
	return sql(q{SELECT (SELECT sum((xpath('/row/n/text()', query_to_xml('SELECT count(*) AS n FROM ' || target, false, true, '')))[1]::text::bigint) FROM olist_etl.entity),
			(SELECT count(*) FROM olist_etl.staged),
			(SELECT count(*) FROM pg_class WHERE relnamespace = 'olist_build'::regnamespace)});
}

sub everything
{
	return $drops->warehouse . ' ' . $drops->dimensions;
}

# the files of a month, into the source
sub arrive
{
	my ($month) = @_;
	rename $_, "$directory/" . s/.*\///r or die $! for glob "$later/*_$month.csv";
	return;
}

my $merge = 'Discover, Stage object, Check, Build batch, Check quality, Check again, Publish';
my $whole = qr/^Discover, Clean build, Stage.*, dim_customer.*, fact_order.*, Check quality/;
my $refuse = q{INSERT INTO olist_etl.check_rule (name, relation, aggregate, severity)
	VALUES ('refuse', 'fact_order', 'count(*)', 'fail')};
my $allow = q{DELETE FROM olist_etl.check_rule WHERE name = 'refuse'};

# all at once: what everything must come to
is($drops->run->{status}, 'SUCCEEDED', 'the whole is loaded at once');
like(states(), $whole, '... and built as a whole');
is(left_behind(), '0|0|0', '... which leaves nothing in the staging');
my $all = everything();
$drops->forget_everything;
sql("SELECT olist_etl.set_source('$directory')");

# a first load that the gate refuses, and the next one
my @months = qw(2018-05 2018-06 2018-07 2018-08);
rename $_, "$later/" . s/.*\///r or die $! for map { glob "$directory/*_$_.csv" } @months;
sql($refuse);
is($drops->run->{status}, 'FAILED', 'the gate refuses a first load');
is($drops->warehouse, 'none', '... and nobody sees any of it');
sql($allow);
is($drops->run->{status}, 'SUCCEEDED', 'it is loaded once the rule has gone');
like(states(), $whole, '... built as a whole');

# a batch
arrive('2018-05');
is($drops->run->{status}, 'SUCCEEDED', 'a month is loaded');
is(states(), $merge, '... and merged');
is(left_behind(), '0|0|0', '... which leaves nothing in the staging');
is($drops->run->{status}, 'SUCCEEDED', 'nothing is new');
is(states(), 'Discover', '... which one look tells');

# a batch that waits, and another one
my $before = everything();
sql($refuse);
arrive('2018-06');
is($drops->run->{status}, 'FAILED', 'the gate refuses a batch');
is(everything(), $before, '... and nobody sees any of it');
isnt(left_behind(), '0|0|0', '... it waits');
arrive('2018-07');
sql($allow);
is($drops->run->{status}, 'SUCCEEDED', 'it is loaded with the one after it');
is(states(), $merge, '... and merged');
is(left_behind(), '0|0|0', '... which leaves nothing');

# a whole build that waits, and a batch
$before = everything();
my $keys = sql('SELECT sum(hashtextextended(o::text, 0)) FROM olist_dw.fact_order o');
sql($refuse);
my $rebuild = q{input => '{"rebuild": true}'};
is($drops->run($rebuild)->{status}, 'FAILED', 'the gate refuses a rebuild');
like(states(), $whole, '... of the whole');
is(everything(), $before, '... and nobody sees any of it');
isnt(left_behind(), '0|0|0', '... it waits');
sql($allow);
arrive('2018-08');
is($drops->run->{status}, 'SUCCEEDED', 'a batch is loaded after that');
is(states(), $merge, '... and merged');
is(left_behind(), '0|0|0', '... which leaves nothing');
is(everything(), $all, '... and all the pieces give the whole');

# a rebuild, which changes nothing
$keys = sql('SELECT sum(hashtextextended(o::text, 0)) FROM olist_dw.fact_order o');
is($drops->run($rebuild)->{status}, 'SUCCEEDED', 'a rebuild succeeds');
like(states(), $whole, '... of the whole');
is(sql('SELECT sum(hashtextextended(o::text, 0)) FROM olist_dw.fact_order o'), $keys, '... which gives the same rows, and keys');
is(sql(q{SELECT output::jsonb - '{tables,moved,objects,rejected}'::text[] FROM olist_etl.run ORDER BY run_id DESC LIMIT 1}),
	'{"deleted": 0, "updated": 0, "inserted": 0}', '... and writes none');
is(left_behind(), '0|0|0', '... nor leaves anything');

# ... and which would lose what an object gave that is gone
my ($gone) = map { s/.*\///r } glob "$directory/*orders*_2018-08.csv";
rename "$directory/$gone", "$later/$gone" or die $!;
my $run = $drops->run($rebuild);
is($run->{status}, 'FAILED', 'without one of its objects the warehouse is not rebuilt');
like($run->{cause}, qr/1 objects that it shows are gone.*Put them back/, '... and it is said why');
is($drops->run->{status}, 'SUCCEEDED', 'other runs go on without it');
is(everything(), $all, '... and what it gave stays');
rename "$later/$gone", "$directory/$gone" or die $!;

# a batch that waits, and a source elsewhere
$drops->touch;
utime 1_500_000_000, 1_500_000_000, glob "$directory/*_2017*.csv" or die $!;
sql($refuse);
is($drops->run->{status}, 'FAILED', 'the gate refuses another batch');
sql($allow);
rename $directory, "$directory.elsewhere" or die $!;
sql("SELECT olist_etl.set_source('$directory.elsewhere')");
is($drops->run->{status}, 'SUCCEEDED', 'from elsewhere all is loaded');
like(states(), $whole, '... and built as a whole');
is(everything(), $all, '... into the same warehouse');
is(left_behind(), '0|0|0', '... which leaves nothing');
is(sql(q{SELECT count(*) FROM (SELECT 'orders', _object_id FROM olist_dw.fact_order
		UNION ALL SELECT 'order_items', _object_id FROM olist_dw.fact_order_item
		UNION ALL SELECT 'customers', _object_id FROM olist_dw.customer_account
		UNION ALL SELECT 'products', _object_id FROM olist_dw.dim_product WHERE NOT is_inferred AND product_key <> -1) AS r (entity, object_id)
	LEFT JOIN olist_etl.ledger l ON l.object_id = r.object_id AND l.is_current AND l.published_at IS NOT NULL
	WHERE l.entity IS DISTINCT FROM r.entity}), '0', '... with rows that lead to the objects there');
my $payments = sql('SELECT count(*) FROM olist_dw.fact_payment');
my ($changed) = glob "$directory.elsewhere/*payments*_2018-05.csv";
my $content = slurp_file($changed);
unlink $changed or die $!;
append_to_file($changed, $content =~ s/[^\n]*\n\z//r);
is($drops->run->{status}, 'SUCCEEDED', 'a row leaves one of them');
is(states(), $merge, '... which is merged');
is(sql('SELECT count(*) FROM olist_dw.fact_payment'), $payments - 1, '... and takes the row out');
unlink $changed or die $!;
append_to_file($changed, $content);
is($drops->run->{status}, 'SUCCEEDED', 'it comes back');
is(everything(), $all, '... and all is as before');

# no warehouse any more
sql('SET client_min_messages = error; DROP SCHEMA olist_dw CASCADE');
is($drops->run->{status}, 'SUCCEEDED', 'a warehouse that was dropped');
like(states(), $whole, '... is built as a whole');
is(everything(), $all, '... and is what it was');
is($drops->run->{rows}, '0', '... with nothing left to do');

$node->stop;
done_testing();
