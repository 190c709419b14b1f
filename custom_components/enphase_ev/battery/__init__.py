"""The batteries of a site: their state, their settings and schedules, and every change of them.

Words: an *entry* is one schedule in the cloud, a *family* the control that it belongs to (charge from grid, discharge to grid, restrict
discharge). An *intent* is a change that somebody asked for, a *wish* the settings that it wants, its *form* one of several ways in which it
can be sent. An entry is *expected* when it must be there and a write may have dropped it, and *aside* when it makes way for an *override*:
a temporary entry, for a person who wants something now. A family is *owed* the apply: the write that makes the gateway take its entries
over. The *guard* is open for some time after a write, as long as entries can still get lost.

What is shown:
    coordinator: reads everything, as often as it is worth it.
    model: the batteries as entities see them.
    words, issues: what a person reads of schedules and changes; the repair issues.
What people ask for:
    settings: the settings, a function each.
    schedules: add, change, delete, export and import entries.
    restriction: restrict discharge, which needs an entry to have an effect.
    override, override_control: charge, discharge or hold now; what follows for the ledger, and who starts and watches it.
    validation: what is refused before anything is sent.
    change: what is asked of the keeper, and the answer to it.
How a change gets to the cloud, and nothing gets lost (docs/cloud-api/battery.md §4 to §6):
    keeper: does one step after the other, and saves the ledger before each write.
    ledger, ledger_store, ledger_reading: what must not be forgotten; the file; how a file of any shape is read.
    decide: which step is next. steps: what steps there are, and how long things take.
    applies: when a family is applied, in which form, and whether that has worked.
    losses: which entries are lost, put back, or given up.
    coming_back: what entries are called that may be missing, and what would be in their way.
    looks: when to read again.
    clock: what a clock that was set back changes.
    observe: what a read says of all that is open.
    notes: what is noted of a write: before it, when it was taken, when it was refused.
    sending: the request that belongs to a step.
    not_put_back: what a person can do about entries that could not be put back.
    winding_up: what is done when the config entry is removed or disabled.
Who else has something to say:
    answers: the gateway's answers over MQTT, for sites that have them.
    witness: the gateway in the house, asked whether it has a setting.
    hanging_scheduler: notices that a battery does not charge although it should.
"""
