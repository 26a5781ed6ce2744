# Corrections: what forget() takes back is as if it had never come, until it is
# remembered or comes in another version; replay_rejects() stages again what was
# repaired; rebuild() keeps every surrogate key.
use strict;
use warnings;

use Olist;
use Olist::Pipeline;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = olist_cluster('main');

sub sql
{
	my ($sql) = @_;
	return $node->safe_psql('postgres', $sql);
}

sub error_of
{
	my ($sql) = @_;
	my (undef, undef, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\n$sql");
	return $err =~ /ERROR:  (\w+: .*)/ ? $1 : $err;
}

# how many objects have which status, for the next run
sub pending { return sql(q{SELECT string_agg(s, ', ') FROM (
	SELECT count(*) || ' ' || status AS s FROM olist_etl.pending() GROUP BY status ORDER BY status) p}) }

# every surrogate key with what it stands for; facts and persons that leave and come back get new ones
my $keys = q{SELECT 'order' AS kind, order_key AS key, order_id AS id FROM olist_dw.fact_order
	UNION ALL SELECT 'customer', customer_key, customer_unique_id || version FROM olist_dw.dim_customer
	UNION ALL SELECT 'product', product_key, product_id || version FROM olist_dw.dim_product
	UNION ALL SELECT 'seller', seller_key, seller_id || version FROM olist_dw.dim_seller
	UNION ALL SELECT 'place', geography_key, zip_code_prefix FROM olist_dw.dim_geography
	UNION ALL SELECT 'status', order_status_key, order_status FROM olist_dw.dim_order_status
	UNION ALL SELECT 'payment', payment_type_key, payment_type FROM olist_dw.dim_payment_type};
sub note_keys { return sql("DROP TABLE IF EXISTS key_then; CREATE TABLE key_then AS $keys") }
sub keys_kept
{
	return sql("SELECT count(*) FILTER (WHERE n.id IS DISTINCT FROM t.id)
		|| ' of ' || count(DISTINCT t.kind) FROM key_then t LEFT JOIN ($keys) n USING (kind, key)");
}

sql(q{UPDATE olist_etl.entity SET is_required = false});
my $pipeline = Olist::Pipeline->new($node, scale => 0.01, split => 'month');
my $directory = $pipeline->directory;
my @files = sort map { s/.*\///r } glob("$directory/*.csv");
my $elsewhere = PostgreSQL::Test::Utils::tempdir();

# the warehouse without one file of each entity
my %left_out;
for my $file (@files)
{
	my $entity = $file =~ s/_\d{4}-\d\d\.csv$//r;
	$left_out{$entity} = $file if !$left_out{$entity} || $file =~ /2018-01/;
}
my @left_out = map { $left_out{$_} } sort keys %left_out;
cmp_ok(scalar @left_out, '==', 9, 'a file of each entity is to be left out');
rename "$directory/$_", "$elsewhere/$_" or die "$_: $!" for @left_out;
is($pipeline->run->{status}, 'SUCCEEDED', 'all other files are loaded');
my $without = $pipeline->warehouse;

# all of it
rename "$elsewhere/$_", "$directory/$_" or die "$_: $!" for @left_out;
is($pipeline->run->{status}, 'SUCCEEDED', 'the rest is loaded');
my @whole = ($pipeline->warehouse, $pipeline->dimensions);
isnt($whole[0], $without, '... and makes a difference');
note_keys();

# forgotten, one by one, each in one transaction without any other step
for my $file (@left_out)
{
	like(sql("SELECT deleted + updated + inserted FROM olist_etl.forget('$directory/$file')"), qr/^\d+$/, "forget $file");
}
is($pipeline->warehouse, $without, '... the warehouse is as if they had never come');
is(sql(q{SELECT count(*) FROM olist_etl.reject r JOIN olist_etl.ledger l USING (object_id) WHERE l.forgotten_at IS NOT NULL AND r.reason <> 'invalid'}), '0',
	'... and nothing of them waits');
is(sql("SELECT count(*) FROM key_then t JOIN ($keys) n USING (kind, key) WHERE n.id <> t.id"), '0',
	'... no key stands for something else');
is(pending(), '9 forgotten', '... the source has them still');
is($pipeline->run->{rows}, '0', '... and the next run leaves them out');
is($pipeline->warehouse, $without, '... of the warehouse');
is(sql(q{SELECT count(*) FROM olist_etl.check()}), '0', '... where everything fits');
is(error_of("SELECT olist_etl.forget('$directory/$left_out[0]')"), "42704: no object \"file://$directory/$left_out[0]\" has been loaded",
	'... none can be forgotten again');
is(error_of(q{SELECT olist_etl.forget('/nothing.csv')}), '42704: no object "file:///nothing.csv" has been loaded', '... nor what never was');

# they come back: by remember(), or in another version
my $changed = shift @left_out;
sql("SELECT olist_etl.remember('$directory/$_')") for @left_out;
is(pending(), '1 forgotten, 8 new', 'remembered objects are new again');
is(error_of("SELECT olist_etl.remember('$directory/$left_out[0]')"), "42704: no object \"file://$directory/$left_out[0]\" has been forgotten",
	'... and not forgotten any more');
is($pipeline->run->{status}, 'SUCCEEDED', '... and are loaded');
$pipeline->write_file($changed, slurp_file("$directory/$changed"));
utime 1_600_000_000, 1_600_000_000, "$directory/$changed" or die $!;
is(pending(), '1 new', 'a forgotten object in another version is new');
is($pipeline->run->{status}, 'SUCCEEDED', '... and is loaded');
is_deeply([ $pipeline->warehouse, $pipeline->dimensions ], \@whole, '... so that all is there again');

# a rebuild finds the same, and keeps all keys
note_keys();
sql(q{UPDATE olist_dw.fact_order SET item_count = 77 WHERE order_key % 10 = 0});
isnt($pipeline->warehouse, $whole[0], 'somebody has spoilt the facts');
sql(q{CALL olist_etl.rebuild()});
is_deeply([ $pipeline->warehouse, $pipeline->dimensions ], \@whole, 'rebuild() gives what the source holds');
is(keys_kept(), '0 of 7', '... with the keys that it had');
sql("SELECT olist_etl.forget('$directory/$left_out[0]')");
my $shorter = $pipeline->warehouse;
sql(q{CALL olist_etl.rebuild()});
is($pipeline->warehouse, $shorter, '... and leaves out what was forgotten');
sql("SELECT olist_etl.remember('$directory/$left_out[0]')");
is($pipeline->run->{status}, 'SUCCEEDED', '... until it is remembered');

# in the middle of a run, nothing is corrected, and no other workflow's run that writes the warehouse begins
sql(q{SELECT olist_etl.create_workflow('copied', replace(definition::text, 'Readers see the old', 'They see the old')::json)
	FROM olist_etl.workflow WHERE name = 'olist'});
my %other = (olist => 'copied', copied => 'olist');
sql(q{CREATE FUNCTION wrapped(jsonb) RETURNS jsonb LANGUAGE sql AS 'SELECT olist_etl.merge($1)';
	SELECT olist_etl.create_workflow('wrapped', '{"StartAt": "W", "States": {"W":
		{"Type": "Task", "Resource": "olist:public.wrapped", "Parameters": {}, "End": true}}}')});
for my $workflow ('olist', 'copied')
{
	my $locker = $node->background_psql('postgres');
	my $runner = $node->background_psql('postgres', on_error_stop => 0);
	$pipeline->touch;
	$locker->query_safe('BEGIN; LOCK TABLE olist_etl.staged IN SHARE MODE');
	$runner->query_until(qr/begun/, "\\echo begun\nCALL olist_etl.run('$workflow');\n\\echo ended\n");
	poll_until(sub { sql(q{SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'olist_etl.staged'::regclass}) > 0 }, 'a run waits');
	my ($status, $out, $err);
	is(error_of($_), qq{55006: workflow "$workflow" is running}, "$_ is refused")
	  for "SELECT olist_etl.forget('$directory/$changed');", "SELECT olist_etl.remember('$directory/$changed');",
		"SELECT olist_etl.replay_rejects('orders');", 'SELECT olist_etl.merge();', 'SELECT olist_etl.publish();',
		'SELECT olist_etl.clean_build();';
	($status, $out, $err) = $node->psql('postgres', q{CALL olist_etl.run('wrapped')});
	like($err, qr/workflow "wrapped" failed: SQLSTATE\.55006\n.*workflow "$workflow" is running/, '... and so is a task that does not look like one');
	($status, $out, $err) = $node->psql('postgres', "CALL olist_etl.run('$other{$workflow}')");
	like($out, qr/^\d+\|RUNNING/, "workflow $other{$workflow} is not run");
	like($err, qr/workflow "$workflow" is already running as run \d+/, '... because the other one is');
	my $waiter = $node->background_psql('postgres', on_error_stop => 0);
	$waiter->query_until(qr/begun/, "\\echo begun\nCALL olist_etl.run('$other{$workflow}', wait => true);\n\\echo ended\n");
	poll_until(sub { sql(q{SELECT count(*) FROM pg_locks WHERE NOT granted AND objsubid = 7}) > 0 }, '... another one waits');
	$locker->query_safe('COMMIT');
	$_->query_until(qr/ended/, '') for $runner, $waiter;
	is(sql(q{SELECT string_agg(workflow || ' ' || status, ', ') FROM (
			SELECT workflow, status FROM olist_etl.run WHERE workflow <> 'wrapped' ORDER BY run_id DESC LIMIT 2) AS r}),
		"$other{$workflow} SUCCEEDED, $workflow SUCCEEDED", '... and both succeed, one after the other');
	is_deeply([ $pipeline->warehouse, $pipeline->dimensions ], \@whole, '... with what the source holds');
	$_->quit for $locker, $runner, $waiter;
}
# ... nor in the middle of an atomic run, up to the end of its transaction, in which more may be done
{
	my $writer = $node->background_psql('postgres');
	$pipeline->touch;
	$writer->query_safe(q{SET client_min_messages = warning; BEGIN; CALL olist_etl.run(atomic => true)});
	for my $workflow ('olist', 'copied')
	{
		my (undef, $out, $err) = $node->psql('postgres', "CALL olist_etl.run('$workflow')");
		like($out, qr/\|RUNNING/, "workflow $workflow is not run beside an atomic run that is not committed");
		like($err, qr/another session's transaction is (running workflow "olist"|writing "olist_dw")/, '... and says why');
	}
	is(error_of($_), q{55006: another session's transaction is writing the warehouse}, "$_ is refused")
	  for 'SELECT olist_etl.merge();', "SELECT olist_etl.forget('$directory/$changed');";
	$writer->query_safe(q{CALL olist_etl.run(atomic => true); CALL olist_etl.run('wrapped', atomic => true);
		CALL olist_etl.run('copied', atomic => true)});
	$writer->query_safe("SELECT olist_etl.forget('$directory/$changed'); SELECT olist_etl.remember('$directory/$changed')");
	$writer->query_safe(q{CALL olist_etl.run(atomic => true); COMMIT});
	$writer->quit;
	is($pipeline->run->{status}, 'SUCCEEDED', '... and after it, everything is as before');
	is_deeply([ $pipeline->warehouse, $pipeline->dimensions ], \@whole, '... with what the source holds');
}

# ... of which a run is not corrected by its own task
sql(q{CREATE FUNCTION replays(jsonb) RETURNS jsonb LANGUAGE sql AS 'SELECT to_jsonb(r) FROM olist_etl.replay_rejects() r';
	SELECT olist_etl.create_workflow('replays', '{"StartAt": "R", "States": {
		"R": {"Type": "Task", "Resource": "olist:public.replays", "Next": "C"},
		"C": {"Type": "Task", "Resource": "olist:olist_etl.clean_build", "End": true}}}')});
like(error_of($_ . q{CALL olist_etl.run('replays', atomic => true)}), qr/^55006: workflow "replays" failed/, "$_ is no leave for that")
  for '', 'BEGIN; SELECT olist_etl.replay_rejects(); ', 'BEGIN; SAVEPOINT s; SELECT olist_etl.replay_rejects(); ROLLBACK TO s; ';

# ... nor is a run begun in the middle of a correction
my $here = sql(q{SELECT count(*) FROM olist_etl.ledger WHERE is_current});
is(sql(qq{BEGIN; SELECT count(olist_etl.forget(f)) FROM unnest(ARRAY['$directory/$changed', '$directory/$left_out[0]']) f;
	SELECT $here - count(*) FROM olist_etl.ledger WHERE is_current; ROLLBACK; SELECT $here - count(*) FROM olist_etl.ledger WHERE is_current}),
	"2\n2\n0", 'two objects are forgotten in one transaction, or none');

# what waits to be published is not published along with a correction
my ($orders) = grep { /orders_dataset_2017-11/ } @files;
my $text = slurp_file("$directory/$orders");
sql(q{INSERT INTO olist_etl.check_rule (name, relation, predicate, severity) VALUES ('never', 'fact_order', 'false', 'fail')});
$pipeline->write_file($orders, $text =~ s/^(.*\n.*\n).*/$1/sr);
is($pipeline->run->{status}, 'FAILED', 'a run stops before it publishes');
my $before = $pipeline->warehouse;
my (undef, $deleted, $noise) = $node->psql('postgres', "SELECT deleted FROM olist_etl.forget('$directory/$left_out[0]')");
isnt($deleted, '0', '... then something else is forgotten');
is($noise, '', '... without a word of its inner tables');
cmp_ok(sql(q{SELECT count(*) FROM olist_dw.fact_order WHERE purchased_at BETWEEN '2017-11-02' AND '2017-11-30'}), '>', 10, '... and what waited still waits');
sql("SELECT olist_etl.forget('$directory/$orders')");
is(sql(q{SELECT count(*) FROM olist_dw.fact_order WHERE purchased_at BETWEEN '2017-11-02' AND '2017-11-30'}), '0',
	'... the waiting version forgotten, those before it leave too');
sql(q{DELETE FROM olist_etl.check_rule WHERE name = 'never'});
$pipeline->write_file($orders, $text);
utime 1_600_000_000, 1_600_000_000, "$directory/$orders" or die $!;
sql("SELECT olist_etl.remember('$directory/$left_out[0]')");
is($pipeline->run->{status}, 'SUCCEEDED', '... and the next run loads it all');
is_deeply([ $pipeline->warehouse, $pipeline->dimensions ], \@whole, '... as it was');

# rejects, replayed after a repair: here of the workflow's options
my ($items) = grep { /order_items_dataset_2018-03/ } @files;
$text = slurp_file("$directory/$items");
my $spoilt = 0;
$text =~ s/,20\d\d-\d\d-\d\d \d\d:\d\d:\d\d,/$spoilt++ < 3 ? ',-,' : $&/ge;
$pipeline->write_file($items, $text);
is($pipeline->run->{rejects}, '3', 'three items are rejected');
is($pipeline->run->{rows}, '0', '... and no run tries them again');
is(sql(q{SELECT * FROM olist_etl.replay_rejects('orders')}), '0|0', '... nor another entity\'s replay');
is(sql(q{SELECT * FROM olist_etl.replay_rejects('order_items')}), '1|3', '... until they are replayed');
is(pending(), '1 replayed', '... by the next run');
is($pipeline->run->{rejects}, '3', '... in vain while nothing is repaired');
is(sql(q{SELECT count(*) FROM olist_etl.reject}), '3', '... without doubles');
is(pending(), '', '... and once');
sql(q{SELECT olist_etl.create_workflow('mended', replace(definition::text,
	'"source.$": "$.object.source",', '"source.$": "$.object.source", "null": "-",')::json)
	FROM olist_etl.workflow WHERE name = 'olist'; SELECT * FROM olist_etl.replay_rejects()});
is($pipeline->run(q{'mended'})->{status}, 'SUCCEEDED', 'the workflow is mended');
is(sql(q{SELECT count(*) FROM olist_etl.reject}), '0', '... and nothing is rejected any more');
is(sql(q{SELECT count(*) FROM olist_dw.fact_order_item WHERE shipping_limit IS NULL}), '3', '... but in the warehouse');
is($pipeline->warehouse, $whole[0], '... which has all items again');
is(pending(), '', '... and there is nothing left to do');

# ... of a column's type, which the staging tables follow
sub set_type { return sql("UPDATE olist_etl.entity_column SET data_type = '$_[1]' WHERE column_name = '$_[0]'") }
$text =~ s/,-,/,,/g;
set_type('price', 'integer');
$pipeline->write_file($items, $text);
like($pipeline->run->{cause}, qr/\d+ rows were rejected/, 'rows are rejected for a type that is wrong');
set_type('price', 'numeric');
like(sql(q{SELECT * FROM olist_etl.replay_rejects('order_items')}), qr/^1\|\d+$/, '... it is put right, and they are replayed');
is($pipeline->run->{status}, 'SUCCEEDED', '... by the next run');
is($pipeline->warehouse, $whole[0], '... which has all items');
set_type('price', 'text');
$pipeline->touch;
like($pipeline->run->{cause}, qr/column "price" of table "\w+" has type text, not numeric HINT: The types of staging tables are those of olist_etl.entity_column/,
	'a type that the warehouse is not built from is an error');
set_type('price', 'numeric');
is($pipeline->run->{status}, 'SUCCEEDED', '... until it is put right');

# ... and of a column that the warehouse does not have
sql(q{INSERT INTO olist_etl.entity_column VALUES ('orders', 9, 'order_note', 'integer', false)});
my $noted = slurp_file("$directory/$orders") =~ s/$/,note/mgr =~ s/,note/,order_note/r;
$pipeline->write_file($orders, $noted);
like($pipeline->run->{cause}, qr/\d+ rows were rejected/, 'rows are rejected for a column of the user\'s own');
set_type('order_note', 'text');
like(sql(q{SELECT * FROM olist_etl.replay_rejects()}), qr/^1\|\d+$/, '... its type is put right, and they are replayed');
is($pipeline->run->{status}, 'SUCCEEDED', '... by the next run');
is($pipeline->warehouse, $whole[0], '... which has all orders');
$pipeline->touch;
is($pipeline->run->{status}, 'SUCCEEDED', '... and compares what comes again with what it has');
is($pipeline->warehouse, $whole[0], '... and finds it equal');
is(pending(), '', '... and there is nothing left to do');
is(error_of(q{SELECT olist_etl.replay_rejects('nothing')}), '22023: there is no entity "nothing"', 'an entity that is none');

$node->stop;
done_testing();
