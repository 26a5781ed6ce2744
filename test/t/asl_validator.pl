# The workflows that come with the extension are States Language in the eyes of
# others, too: the npm package asl-validator accepts them. Only that a Resource
# is no ARN but the name of a function is ours; what it checks otherwise, it does.
use strict;
use warnings;

use JSON::PP;
use Olist;
use Test::More;

my $version = '4.0.0';
plan skip_all => 'npm is not installed' if system('command -v npm >/dev/null 2>&1') != 0;

my $directory = "$ENV{TMPDIR}/asl_validator";
mkdir $directory;
my $log = `cd "$directory" && HOME="$directory" npm install --no-save --no-audit --no-fund \\
	--cache "$directory/cache" asl-validator\@$version 2>&1`;
plan skip_all => "asl-validator could not be installed: $log" if $? != 0;

open my $script, '>', "$directory/check.js" or die $!;
print $script <<'JS';
const validate = require('asl-validator');
const definition = JSON.parse(require('fs').readFileSync(0, 'utf8'));
const { isValid, errors } = validate(definition, { checkPaths: true, checkArn: false });
for (const e of errors) console.log(e['Error code'], e.Message ?? e.message);
process.exit(isValid ? 0 : 1);
JS
close $script;

# What asl-validator says of DEFINITION; "" if it is sound.
sub verdict
{
	my ($definition) = @_;
	open my $out, '>', "$directory/definition.json" or die $!;
	print $out $definition;
	close $out;
	my $said = `cd "$directory" && node check.js <definition.json 2>&1`;
	return $? == 0 ? '' : $said;
}

my $node = olist_cluster('main');
my @names = split /\n/,
  $node->safe_psql('postgres', 'SELECT name FROM olist_etl.workflow WHERE builtin ORDER BY name');
ok(scalar(grep { $_ eq 'olist' } @names), 'there is a workflow olist');
foreach my $name (@names)
{
	my $definition = $node->safe_psql('postgres',
		"SELECT definition FROM olist_etl.workflow WHERE name = '$name' ORDER BY version DESC LIMIT 1");
	is(verdict($definition), '', "asl-validator accepts the workflow $name");
	my $problems = $node->safe_psql('postgres',
		"SELECT v FROM olist_etl.workflow w, olist_etl.validate(w.definition) v WHERE w.name = '$name'");
	is($problems, '', '... and so does validate()');

	my $broken = JSON::PP->new->decode($definition);
	$broken->{StartAt} = 'Nowhere';
	like(verdict(JSON::PP->new->encode($broken)), qr/MISSING_TRANSITION_TARGET/, '... but not a broken one');
}
$node->stop;
done_testing();
