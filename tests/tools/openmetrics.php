<?php
// php openmetrics.php FILE: whether it is OpenMetrics 1.0 as the specification has it: one family after the other,
// metadata first, types that suit the names, each series once, labels of UTF-8 with no other escapes than \\ \" \n,
// and # EOF as the last line. Prints what is wrong.
$text = file_get_contents($argv[1]);
$wrong = array();
$families = array();
$series = array();
$family = null;
$type = 'unknown';
$begun = false;

if (!preg_match('//u', $text)) {
    $wrong[] = 'it is no UTF-8';
}
if (substr($text, -6) !== "# EOF\n" || substr_count($text, "# EOF\n") !== 1) {
    $wrong[] = '# EOF is not the last line';
}
foreach (explode("\n", substr($text, 0, -6)) as $number => $line) {
    $where = 'line ' . ($number + 1) . ": $line";
    if ($line === '') {
        if ($number !== substr_count($text, "\n") - 1) {
            $wrong[] = "$where: empty";
        }
    } elseif (preg_match('/^# (HELP|TYPE|UNIT) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)$/D', $line, $m)) {
        if ($m[2] !== $family) {
            if (isset($families[$m[2]])) {
                $wrong[] = "$where: the family again";
            }
            list($family, $type, $begun) = array($m[2], 'unknown', false);
            $families[$family] = true;
        } elseif ($begun) {
            $wrong[] = "$where: after samples";
        }
        if ($m[1] === 'TYPE') {
            $type = $m[3];
            if (!in_array($type, array('gauge', 'counter', 'unknown', 'info', 'stateset'), true)) {
                $wrong[] = "$where: type";
            }
            if ($type === 'counter' && substr($family, -6) === '_total') {
                $wrong[] = "$where: the name of a family of counters has no _total";
            }
        }
    } elseif (preg_match('/^([a-zA-Z_:][a-zA-Z0-9_:]*)\{((?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\\]|\\\\[\\\\"n])*",?)*)\} (-?[0-9]+(\.[0-9]+)?)$/D', $line, $m)) {
        if ($m[1] !== $family . ($type === 'counter' ? '_total' : '')) {
            $wrong[] = "$where: not of the family $family";
        }
        if (substr($m[2], -1) === ',' || isset($series[$m[1] . $m[2]])) {
            $wrong[] = "$where: the series again";
        }
        if (!preg_match('/^pool="(?:[^"\\\\]|\\\\.)*",endpoint="[^"]+"/', $m[2])) {
            $wrong[] = "$where: not the labels of all";
        }
        $series[$m[1] . $m[2]] = $begun = true;
    } else {
        $wrong[] = "$where: neither metadata nor a sample";
    }
}
echo implode("\n", $wrong), $wrong ? "\n" : '';
exit($wrong ? 1 : 0);
