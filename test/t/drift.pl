# Files change their columns: a new one is noted and ignored, a missing optional
# one is NULL, a type that changed gives rejects, and a missing key stops the run
# before anything is published; or, with olist_etl.on_object_error = reject, the
# object is rejected, the run goes on, and the next one tries again. Whoever calls
# run() is told.
use strict;
use warnings;

use Olist;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = olist_cluster('main');
my $dir = PostgreSQL::Test::Utils::tempdir;

sub sql
{
	return $node->safe_psql('postgres', $_[0]);
}

# status and what was told; SETTINGS are for PGOPTIONS, INPUT is the run's
sub run
{
	my ($settings, $input) = @_;
	local $ENV{PGOPTIONS} = $settings // '';
	my (undef, undef, $error) = $node->psql('postgres', sprintf q{CALL olist_etl.run(input => '%s')}, $input // '{}');
	return (sql('SELECT status FROM olist_etl.run ORDER BY run_id DESC LIMIT 1'), $error);
}

sql("SELECT olist_etl.generate_sample('$dir', 0.01, 3); SELECT olist_etl.set_source('$dir')");
my ($status) = run();
is($status, 'SUCCEEDED', 'all is well at first');
my $orders = sql('SELECT count(*) FROM olist_dw.fact_order');

# a new column, and no estimates any more
append_to_file("$dir/olist_orders_dataset_2.csv",
	"order_status,order_id,channel,customer_id,order_purchase_timestamp\n"
	  . "delivered,new1,app,nobody,2018-08-01 10:00:00\n");
($status, my $told) = run();
is($status, 'SUCCEEDED', 'a file with other columns is loaded');
like($told, qr/NOTICE:  object ".*_2\.csv" has 1 unknown column, lacks 4 optional columns: see olist_etl\.drift$/m,
	'... and told of');
is(sql(q{SELECT string_agg(kind || ' ' || column_name, ', ' ORDER BY kind, column_name COLLATE "C") FROM olist_etl.drift}),
	'extra channel, missing order_approved_at, missing order_delivered_carrier_date, '
	  . 'missing order_delivered_customer_date, missing order_estimated_delivery_date', '... column by column');
is(sql(q{SELECT estimated_at IS NULL, estimated_date_key, purchased_at FROM olist_dw.fact_order WHERE order_id = 'new1'}),
	't|-1|2018-08-01 10:00:00', '... what is missing is NULL');

# a column of another type: of 20 rows one cannot be read
append_to_file("$dir/olist_order_payments_dataset_2.csv",
	"order_id,payment_sequential,payment_type,payment_installments,payment_value\n"
	  . join('', map { "new1,$_,voucher,1," . ($_ == 7 ? 'ten' : '1.00') . "\n" } 1 .. 20));
($status) = run();
is($status, 'SUCCEEDED', 'a value of another type does not stop the run');
is(sql(q{SELECT line, column_name, sqlstate FROM olist_etl.reject WHERE reason = 'invalid'}), '8|payment_value|22P02',
	'... its row is rejected');
is(sql(q{SELECT payment_count, payment_total FROM olist_dw.fact_order WHERE order_id = 'new1'}), '19|19.00', '... the others are not');

# a column of another type altogether: all rejects, of which the gate has a word to say
my $typed = "order_id,payment_sequential,payment_type,payment_installments,payment_value\n";
append_to_file("$dir/olist_order_payments_dataset_3.csv",
	$typed . join('', map { "new1,no. $_,voucher,one,1.00 R\$\n" } 1 .. 20));
($status, my $said) = run();
is($status, 'FAILED', 'a file full of values of another type stops the run');
like($said, qr/Olist\.TooManyRejects\n.*20 of 20 rows were rejected.*or take them away/, '... because they are too many of the batch');
is(sql(q{SELECT rows_loaded, rows_rejected FROM olist_etl.ledger WHERE uri LIKE '%payments_dataset_3.csv'}), '0|20',
	'... and the rows are rejects');
like($said, qr/more than 10 %.*give the run a higher limit, as by input => '\{"max_reject_percent": 50\}'/, '... and the way out is named');

# how many are too many is the run's to say, in one place
($status, $said) = run('', '{"max_reject_percent": "half"}');
is($status, 'FAILED', 'a limit that is no number');
like($said, qr/"max_reject_percent" is not a number from 0 to 100.*or the input of the run/s, '... is refused, for what it is');
is(sql(q{SELECT count(*) FROM olist_etl.task WHERE state <> 'Discover' AND run_id = (SELECT max(run_id) FROM olist_etl.run)}),
	0, '... before anything is done');
($status) = run('', '{"max_reject_percent": 99.5}');
is($status, 'FAILED', 'a limit that is exceeded, too, stops the run');
($status, $said) = run('', '{"max_reject_percent": 100}');
is($status, 'SUCCEEDED', 'a higher one lets it go on');
like($said, qr/NOTICE:  objects_few_rejects: /, '... and a warning says what was let through');
is(sql(q{SELECT count(*) FROM olist_etl.pending()}), 0, '... so that nothing waits any more');
is(sql(q{SELECT count(*) FROM olist_etl.reject WHERE reason = 'invalid'}), 21, '... and the rejects are kept');
unlink "$dir/olist_order_payments_dataset_3.csv" or die $!;
append_to_file("$dir/olist_order_payments_dataset_3.csv", $typed . "new1,21,voucher,1,1.00\n");
($status) = run();
is($status, 'SUCCEEDED', 'the file, written as it should be, goes in');
is(sql(q{SELECT payment_count FROM olist_dw.fact_order WHERE order_id = 'new1'}), '20', '... and only that');

# columns that have the names of ours, and names that differ in case only
append_to_file("$dir/olist_sellers_dataset_2.csv",
	"_object_id,seller_id,SELLER_ID,_line,Seller_State\n-1,s1,S1,7,SP\n");
($status, $told) = run();
is($status, 'SUCCEEDED', 'a file with columns that are called like those of the staging tables');
like($told, qr/NOTICE:  object ".*sellers_dataset_2\.csv" has 3 unknown columns, lacks 2 optional columns/, '... is told of');
is(sql(q{SELECT string_agg(d.column_name, ' ' ORDER BY d.column_name COLLATE "C") FROM olist_etl.drift d
	JOIN olist_etl.ledger l USING (object_id) WHERE l.uri LIKE '%sellers_dataset_2.csv' AND d.kind = 'extra'}),
	'SELLER_ID _line _object_id', '... and they are noted like any other');
is(sql(q{SELECT seller_id, state FROM olist_dw.dim_seller WHERE lower(seller_id) = 's1'}),
	's1|SP', '... the exact name counts, and where there is none, one that differs in case');
append_to_file("$dir/olist_sellers_dataset_3.csv", "SELLER_ID,Seller_Id,seller_state\ns2,s3,SP\n");
($status, $told) = run();
is($status, 'FAILED', 'of two names that both may be meant none is taken by chance');
like($told, qr/column "seller_id" stands twice in the header of ".*_3\.csv"\nDETAIL: "SELLER_ID" and "Seller_Id" differ in case or blanks only/,
	'... which is said');
unlink "$dir/olist_sellers_dataset_3.csv" or die $!;

# a file without its key
append_to_file("$dir/olist_orders_dataset_3.csv", "order_status,customer_id,order_purchase_timestamp\ndelivered,x,2018-08-01 10:00:00\n");
($status, $told) = run();
is($status, 'FAILED', 'a missing key stops the run');
is(sql(q{SELECT error, cause ~ 'has no column "order_id"' FROM olist_etl.run ORDER BY run_id DESC LIMIT 1}),
	'SQLSTATE.42703|t', '... which says what is missing');
like($told, qr/HINT: .*resume\(\d+\) goes on with what failed/, '... and what could be done');
is(sql('SELECT count(*) FROM olist_dw.fact_order'), $orders + 1, '... and the warehouse is as it was');
unlink "$dir/olist_orders_dataset_3.csv";
($status) = run();
is($status, 'SUCCEEDED', 'without that file the next run goes on');

# the same, and files that are no CSV at all: rejected as a whole, by a setting
my $reject = '-c olist_etl.on_object_error=reject';
my $no_key = "order_status,customer_id,order_purchase_timestamp\ndelivered,x,2018-08-01 10:00:00\n";
my $was_sellers = slurp_file("$dir/olist_sellers_dataset.csv");
my $sellers = sql('SELECT count(*) FROM olist_dw.dim_seller');
my $rejected = q{SELECT regexp_replace(l.uri, '.*/', ''), r.line, r.sqlstate, l.is_current, l.superseded_by IS NULL
	FROM olist_etl.reject r JOIN olist_etl.ledger l USING (object_id) WHERE r.reason = 'object' ORDER BY 1};
my $open = "olist_orders_dataset_4.csv|0|42703|f|t\nolist_orders_dataset_5.csv.gz|0|58030|f|t\nolist_sellers_dataset.csv|0|22P04|f|t";

append_to_file("$dir/olist_orders_dataset_4.csv", $no_key);
append_to_file("$dir/olist_orders_dataset_5.csv.gz", 'this is not gzip');
append_to_file("$dir/olist_orders_dataset_6.csv", "order_status,order_id,customer_id,order_purchase_timestamp\n"
	  . "delivered,new2,nobody,2018-08-01 10:00:00\n");
unlink "$dir/olist_sellers_dataset.csv" or die $!;
append_to_file("$dir/olist_sellers_dataset.csv", "id,seller_city\n1,x\n");
foreach my $again ('', ', and again')
{
	($status, $told) = run($reject);
	is($status, 'SUCCEEDED', "objects that cannot be loaded do not stop the run$again");
	like($told, qr/NOTICE:  object ".*_4\.csv" was rejected, and will be tried again: header of ".*_4\.csv" has no column "order_id"/,
		'... which tells of them');
	is(sql($rejected), $open, '... they are noted, once');
	is(sql(q{SELECT output::json ->> 'objects_rejected' FROM olist_etl.task
		WHERE state = 'Check' AND run_id = (SELECT max(run_id) FROM olist_etl.run)}), 3, '... and counted');
	is(sql('SELECT (SELECT count(*) FROM olist_dw.fact_order), (SELECT count(*) FROM olist_dw.dim_seller)'),
		join('|', $orders + 2, $sellers), '... the others are loaded, and what was there before stays');
	is(sql(q{SELECT string_agg(regexp_replace(uri, '.*dataset', '') || ' ' || status, ', ' ORDER BY uri) FROM olist_etl.pending()}),
		'_4.csv new, _5.csv.gz new, .csv changed', '... until the next run');
}
utime 1_500_000_000, 1_500_000_000, grep { !/_[45]\.csv|sellers/ } glob "$dir/*" or die $!;
($status) = run($reject);
is($status, 'SUCCEEDED', 'when everything else comes in a new version');
is(sql('SELECT (SELECT count(*) FROM olist_dw.fact_order), (SELECT count(*) FROM olist_dw.dim_seller)'),
	join('|', $orders + 2, $sellers), '... what was there of the others stays, too');
($status) = run();
is($status, 'FAILED', 'without the setting they stop the run');

# what is nobody's file is not an object's fault
append_to_file("$dir/olist_orders_dataset_7.csv", $no_key);
chmod 0, "$dir/olist_orders_dataset_7.csv" or die $!;
($status, $told) = run($reject);
is($status, 'FAILED', 'a file that may not be read stops the run in any case');
like($told, qr/permission|Permission/, '... and says so');
unlink "$dir/olist_orders_dataset_7.csv";

# written anew, they are loaded like any other
unlink map { "$dir/olist_$_" } 'orders_dataset_4.csv', 'orders_dataset_5.csv.gz', 'sellers_dataset.csv';
append_to_file("$dir/olist_orders_dataset_4.csv", "order_id,$no_key" =~ s/\nd/\nnew3,d/r);
append_to_file("$dir/olist_sellers_dataset.csv", $was_sellers);
($status, $told) = run($reject);
is($status, 'SUCCEEDED', 'once they are written anew');
unlike($told, qr/rejected/, '... no object is rejected');
is(sql('SELECT count(*) FROM olist_dw.fact_order'), $orders + 3, '... and all are loaded');
is(sql($rejected), $open =~ s/(4|sellers_dataset)(.*)t$/$1$2f/gmr, '... in place of what was rejected');
is(sql(q{SELECT status FROM olist_etl.pending()}), '', '... which is not tried any more');
is(sql('SELECT * FROM olist_etl.check()'), '', '... and all fits together');

$node->stop;
done_testing();
