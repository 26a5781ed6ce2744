# How faithfully States Language is executed: executions recorded on AWS, run
# again by simulate(), must have the recorded outcome and history. What does not
# is listed, with the reason, in test/asl/misses.tsv, and nothing else may be.
use strict;
use warnings;

use JSON::PP;
use Olist;
use Olist::Recorded;
use Test::More;

my $data = shared_data_or_skip() . '/asl';
my $json = JSON::PP->new->utf8->allow_nonref->canonical;
my $node = olist_cluster('main', 'olist_etl.max_payload = 256');
my (%expected_miss, %seen_miss);

open my $in, '<', "$repository/test/asl/misses.tsv" or die $!;
while (<$in>)
{
	next if /^#|^$/;
	chomp;
	my ($file, $id, $what, $reason) = split /\t/;
	$expected_miss{"$file $id $what"} = $reason;
}
close $in;

sub quote
{
	my ($text) = @_;
	$text =~ s/'/''/g;
	return "'$text'";
}

# Runs statements, one per case, and gives the rows, each a decoded JSON value.
sub run_cases
{
	my $out = $node->safe_psql('postgres', join ";\n", @_);
	return map { $json->decode($_) } split /\n/, $out;
}

sub note_miss
{
	my ($file, $id, $what, $why) = @_;
	$seen_miss{"$file $id $what"} = $why;
	note "$file $id $what: $why" unless $expected_miss{"$file $id $what"};
	return 0;
}

# simulate() with errors as a row of status ERROR
my $simulate = <<'SQL';
CREATE FUNCTION pg_temp.run(c json, mocks json) RETURNS json LANGUAGE plpgsql AS $$
DECLARE
	r record;
BEGIN
	SELECT * INTO r FROM olist_etl.simulate(c -> 'definition', c -> 'input', mocks);
	RETURN json_build_object('id', c ->> 'id', 'status', r.status, 'error', r.error,
							 'cause', r.cause, 'events', r.events, 'output', r.output,
							 'same', r.output::jsonb = (c #> '{expected,output}')::jsonb);
EXCEPTION WHEN others THEN
	RETURN json_build_object('id', c ->> 'id', 'status', SQLSTATE, 'error', SQLERRM);
END
$$
SQL

# Why the outcome is not the recorded one, or undef.
sub outcome_difference
{
	my ($case, $row) = @_;
	my $expected = $case->{expected};

	return "status $row->{status} $row->{error}" if $row->{status} =~ /^[0-9A-Z]{5}$/;
	return "status $row->{status}, not $expected->{status}" if $row->{status} ne $expected->{status};
	foreach my $part (qw(error cause))
	{
		return "$part " . ($row->{$part} // 'missing') unless matches($expected->{$part}, $row->{$part});
	}
	return 'output ' . $json->encode($row->{output})
	  if exists $expected->{output} && !$row->{same} && !matches($expected->{output}, $row->{output});
	return undef;
}

# Runs the cases of FILE and counts those that come out as recorded.
sub conform
{
	my ($file, $cases) = @_;
	my @rows = run_cases(
		$simulate,
		map {
			sprintf 'SELECT pg_temp.run(%s, %s)', quote($_->{line}), quote($json->encode(mocks_of($_)))
		} @$cases);
	my %count = map { $_ => 0 } qw(strict strict_ok other other_ok history history_ok);

	is(scalar @rows, scalar @$cases, "$file: every case gives a row");
	foreach my $i (0 .. $#rows)
	{
		my ($case, $row) = ($cases->[$i], $rows[$i]);
		my $kind = $case->{strict} ? 'strict' : 'other';
		my $why = outcome_difference($case, $row);

		$count{$kind}++;
		$count{"${kind}_ok"} += $why ? note_miss($file, $case->{id}, 'outcome', $why) : 1;
		next unless $case->{events};
		$count{history}++;
		$why = $row->{events} ? history_difference($case->{events}, $row->{events}) : 'no history';
		$count{history_ok} += $why ? note_miss($file, $case->{id}, 'history', $why) : 1;
	}
	diag sprintf '%s: %d of %d outcomes, %d of %d that are not strict, %d of %d histories', $file,
	  @count{qw(strict_ok strict other_ok other history_ok history)};
	return;
}

conform($_, recorded_cases("$data/executions/$_.jsonl"))
  foreach qw(pure distributed itemreader lambda variables);

# ---------- what is outside the subset is refused by its name ----------

my %names = (
	jsonata => qr/JSONata/,
	service => qr/waitForTaskToken|AWS service|Lambda function|HTTP task|activity|HeartbeatSeconds/);

foreach my $file (sort keys %names)
{
	my $cases = recorded_cases("$data/executions/$file.jsonl");
	my @rows = run_cases(
		map {
			'SELECT coalesce(jsonb_agg(v), \'[]\') FROM olist_etl.validate(' . quote($_->{line})
			  . "::json -> 'definition') v"
		} @$cases);
	my $refused = 0;
	my @sound;

	foreach my $i (0 .. $#$cases)
	{
		my @problems = @{ $rows[$i] };
		my $named =
		  grep { $_->{code} eq 'FEATURE_NOT_SUPPORTED' && $_->{message} =~ $names{$file} } @problems;
		push(@sound, $cases->[$i]), next unless @problems;
		$refused += $named ? 1 : note_miss($file, $cases->[$i]{id}, 'refused', $json->encode(\@problems));
	}
	diag sprintf '%s: %d of %d refused by name', $file, $refused, @$cases - @sound;

	# some of them use nothing that is outside
	conform("$file, inside the subset", \@sound) if @sound;
}

# ---------- verdicts of asl-validator ----------

sub slurp
{
	my ($file) = @_;
	local $/;
	open my $handle, '<', $file or die "$file: $!";
	return <$handle>;
}

my $manifest = $json->decode(slurp("$data/asl-validator/manifest.json"));
my @verdicts = run_cases(
	map {
		'SELECT coalesce(jsonb_agg(v), \'[]\') FROM olist_etl.validate('
		  . quote(slurp("$data/asl-validator/definitions/$_->{file}")) . '::text) v'
	} @$manifest);
my ($agree, $features) = (0, 0);

foreach my $i (0 .. $#$manifest)
{
	my @problems = @{ $verdicts[$i] };
	my @wrong = grep { $_->{code} ne 'FEATURE_NOT_SUPPORTED' } @problems;

	# a feature that is not executed stands for neither verdict, unless nothing else is wrong
	my $ok = $manifest->[$i]{valid} ? !@wrong : @problems > 0;
	$agree +=
	  $ok ? 1 : note_miss('asl-validator', $manifest->[$i]{file}, 'verdict', $json->encode(\@problems));
	$features++ if $manifest->[$i]{valid} && @problems;
}
diag sprintf
  'asl-validator: %d of %d verdicts (%d valid definitions use features that are refused by name)',
  $agree, scalar @$manifest, $features;

# ---------- diagnostics of AWS ----------

my $definitions = $json->decode(slurp("$data/validation_definitions.json"));
my @diagnosed = run_cases(
	map {
		'SELECT coalesce(jsonb_agg(v), \'[]\') FROM olist_etl.validate('
		  . quote($json->encode([ $_->{definition_text} ])) . '::json ->> 0) v'
	} @$definitions);
my $diagnosed = 0;

foreach my $i (0 .. $#$definitions)
{
	my $expected = $definitions->[$i]{expected};
	my $valid = ($expected->{result} // 'FAIL') eq 'OK';
	my @problems = @{ $diagnosed[$i] };
	my ($name) = $definitions->[$i]{source} =~ /::(\w+(?:\[\w*\])?)$/;

	# the place, where AWS gives one
	my ($place) =
	  $valid ? undef : $expected->{diagnostics} ? $expected->{diagnostics}[0]{location}
	  : $json->encode($expected) =~ m{ at (/States[^'"]*)'};
	my $ok = $valid ? !grep { $_->{code} ne 'FEATURE_NOT_SUPPORTED' } @problems : @problems > 0;
	$ok &&= grep { index("$_->{path}/", "$place/") == 0 || $_->{path} eq $place } @problems
	  if $place && $place =~ m{^/};
	$diagnosed += $ok ? 1 : note_miss('validation', $name, 'diagnosis', $json->encode(\@problems));
}
diag sprintf 'validation_definitions: %d of %d', $diagnosed, scalar @$definitions;

# ---------- the value after each stage ----------

# The context that the recording used, which stands only in its results.
sub recorded_context
{
	my ($case, $stages) = @_;
	my $seen = $stages->{afterResultSelector};
	my $path = ($case->{definition}{ResultSelector} // {})->{'ContextObjectValue.$'}
	  // $case->{definition}{ItemsPath} // return undef;

	$seen = ref $seen eq 'HASH' ? $seen->{ContextObjectValue} : $stages->{afterItemsPath};
	$seen = $json->decode($seen) if defined $seen && !ref $seen;
	$seen //= {};
	my @keys = split /\./, $path;
	shift @keys;
	$seen = { $_ => $seen } foreach reverse @keys;
	return $seen;
}

my $states = $json->decode(slurp("$data/test_state.json"));
my @inside = grep { $json->encode($_->{definition}) !~ /JSONata/ } @$states;
my @tested = run_cases(
	map {
		my $result = ($_->{mock} // {})->{result};
		my $context = recorded_context($_, $_->{expected}{inspectionData} // {});
		sprintf 'SELECT olist_etl.test_state(%s, %s, %s, NULL, %s)',
		  map { defined $_ ? quote($_) : 'NULL' } $json->encode($_->{definition}),
		  $json->encode($_->{input}), (defined $result ? "{\"result\": $result}" : undef),
		  (defined $context ? $json->encode($context) : undef)
	} @inside);
my $stages_met = 0;

foreach my $i (0 .. $#inside)
{
	my ($expected, $got) = ($inside[$i]{expected}, $tested[$i]);

	# less is asked for at the levels INFO and DEBUG
	my @differing = grep { !matches($expected->{$_}, $got->{$_}) }
	  grep { $_ ne 'inspectionData' } keys %$expected;
	my $stages = $expected->{inspectionData} // {};
	push @differing, grep { !matches($stages->{$_}, $got->{inspectionData}{$_}) } keys %$stages;
	push @differing, grep { !exists $stages->{$_} } keys %{ $got->{inspectionData} }
	  if $inside[$i]{inspectionLevel} eq 'TRACE';
	my ($name) = $inside[$i]{source} =~ /::(\w+(?:\[\w*\])?)$/;
	$stages_met +=
	  @differing ? note_miss('test_state', $name, 'stages', "@differing: " . $json->encode($got)) : 1;
}
diag sprintf 'test_state: %d of %d (%d more are in JSONata)', $stages_met, scalar @inside,
  @$states - @inside;

# ---------- the sum ----------

foreach my $miss (sort keys %seen_miss)
{
	fail("$miss: $seen_miss{$miss}") unless $expected_miss{$miss};
}
foreach my $miss (sort keys %expected_miss)
{
	fail("$miss is met, or not there: take it off test/asl/misses.tsv") unless $seen_miss{$miss};
}
pass('the misses are those that are listed');
$node->stop;
done_testing();
