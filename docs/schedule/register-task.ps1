# Registers a task of the Windows Task Scheduler that runs eas-log-report every night at two o'clock.
# Run it once in an elevated PowerShell. The account must be able to read the logs and to write the
# store; it needs no Exchange rights. The settings are nightly-windows.toml, copied as $Config. A group managed service account needs no stored password.
param(
    [string] $Program = 'C:\Program Files\eas-log-report\eas-log-report.exe',
    [string] $Config = 'C:\ProgramData\eas-log-report\nightly.toml',
    [string] $Account = 'NT AUTHORITY\NETWORK SERVICE',
    [string] $At = '02:00'
)

$action = New-ScheduledTaskAction -Execute $Program -Argument "nightly --config `"$Config`""
$trigger = New-ScheduledTaskTrigger -Daily -At $At
# A night that was missed is made up for when the machine runs again, and no two runs overlap.
$settings = New-ScheduledTaskSettingsSet -StartWhenAvailable -MultipleInstances IgnoreNew `
    -ExecutionTimeLimit (New-TimeSpan -Hours 6)
$principal = New-ScheduledTaskPrincipal -UserId $Account -LogonType ServiceAccount

Register-ScheduledTask -TaskName 'eas-log-report nightly' -Action $action -Trigger $trigger `
    -Settings $settings -Principal $principal -Force
